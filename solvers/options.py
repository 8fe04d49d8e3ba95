"""The expert's options for PETSc, as words: read here, without PETSc; put to use in `solvers.petsc`."""


def parse(text: str) -> list[tuple[str, str | None]]:
    """Names without their dash, and values, of ``-eps_type gd -eps_monitor``.

    Raises
    ------
    ValueError
        The text is not a list of options.
    """
    pairs: list[tuple[str, str | None]] = []
    for word in text.split():
        if word.startswith("-") and not _number(word):
            pairs.append((word.lstrip("-"), None))
        elif not pairs:
            raise ValueError(f"found {text!r}, allowed: options, which start with '-', as in '-eps_type gd'")
        elif pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], word)
        else:
            raise ValueError(f"found {text!r}, in which {word!r} follows another value; an option takes one")
    return pairs


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
