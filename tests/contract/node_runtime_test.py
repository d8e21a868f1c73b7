"""AWS's runtime interface client for Node.js under both servers."""

import foreign
from case import Case


class Node(foreign.Runtime):
    folder = foreign.FOREIGN / "node"
    streaming_handler = "function.stream"

    def command(self, handler):
        return [*foreign.builds.node(), handler]


class Calls(Node, foreign.Calls, Case):
    pass


class Streams(Node, foreign.BreakingStreams, Case):
    pass


class Managed(Node, foreign.Managed, Case):
    pass


if __name__ == "__main__":
    foreign.main(foreign.builds.node)
