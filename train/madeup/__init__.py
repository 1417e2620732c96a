"""Made-up organisations: pages without titles and multi-hop questions over them, from a seed.

A world is one organisation or field (a web shop's services, a lab, a harbour, a game's lore) with 20 to 60 short pages.
`domains/*.txt` hold the relation grammars (their form: `grammar`), `facts` fills one with entities, `pages` writes
it down in several layouts, `questions` walks from fact to fact and says the walk as one nested question. The name
that a hop needs from the page before it never stands in the question, and pages of the same kind are about others, so only
a query that copies the name finds the next page. Needs the standard library alone.
"""

from .generate import generate
from .world import Hop, Page, Question, World

__all__ = ["Hop", "Page", "Question", "World", "generate"]
