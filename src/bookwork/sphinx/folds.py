"""What lies folded in a page costs the browser nothing until it is opened.

It is the content of a ``<noscript>``: a browser that runs scripts keeps it as one text, which ``js/folds.js``
puts in its place when a reader opens the fold, follows a link into it, searches the page or prints. Without
scripts it is the content of the fold, as written.
"""

import re

LEAST = 12  # elements for which it is worth while
NEEDS_TO_BE_THERE = re.compile(r"</?(?:script|noscript)\b")


def later(html: str) -> str:
    """The HTML as it stands in a fold: held back, unless it is short or has scripts of its own."""
    if NEEDS_TO_BE_THERE.search(html) or len(re.findall(r"<[a-z]", html)) < LEAST:
        return html
    return f'<noscript class="ranking-later">{html}</noscript>'
