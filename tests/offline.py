"""Reads our HTML pages: are they whole, and do they load anything?"""

import base64
import json
from html.parser import HTMLParser

VOID = {"meta", "img", "input", "br", "link", "hr"}


class Page(HTMLParser):
    """All tags with their attributes, the text outside of scripts, and the content of each script and style."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.texts, self.inner = [], [], [], []
        self.feed(source)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        (self.inner if self.open and self.open[-1] in ("script", "style") else self.texts).append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def scene(self):
        """What the script reads."""
        return next(json.loads(text) for text in self.inner if text.startswith("{") and '"meshes"' in text)

    def assert_offline(self):
        """No address but data, nothing in style or script that fetches, and a policy that would forbid it."""
        for tag, attributes in self.tags:
            for name in ("src", "href", "srcset", "action", "poster"):
                assert attributes.get(name, "data:").startswith(("data:", "#")), (tag, attributes)
        assert not {"link", "iframe", "object", "embed", "base"} & {tag for tag, _ in self.tags}
        for text in self.inner:
            for word in ("http:", "https:", "//cdn", "url(", "@import", "fetch(", "XMLHttpRequest", "import("):
                assert word not in text
        policy = [a["content"] for a in self.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
        assert len(policy) == 1
        assert policy[0].startswith("default-src 'none'")


def decoded(link):
    """The bytes of a data link."""
    return base64.b64decode(link.partition("base64,")[2])
