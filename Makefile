# Shorthands; without make, run the scripts in .ci/ themselves.
.PHONY: example test clean

example:
	.ci/example

test:
	.ci/test

clean:
	rm -rf .venv build dist *.egg-info
