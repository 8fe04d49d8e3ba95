"""The browser that the pages are tested in: what it hears belongs to the page that is open."""

GONE = "data:text/html,<script>onpagehide = () => console.error('gone'); console.error('here')</script>"
LATE = "data:text/html,<script>setInterval(() => Promise.reject('late'), 1)</script>"
QUIET = "data:text/html,<p>quiet</p>"


def test_a_page_is_heard(chromium):
    chromium.open(GONE)
    assert any("here" in said for said in chromium.complaints())


def test_a_page_that_was_left_is_not(chromium):
    for loud in (GONE, LATE):
        chromium.open(loud)
        chromium.open(QUIET)
        assert chromium.complaints() == []
