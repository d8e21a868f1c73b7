"""AWS's runtime interface client for Java under both servers."""

import foreign
from case import Case


class Java(foreign.Runtime):
    handler = "Function::handleRequest"
    error_type = "Function$OrderInvalid"
    timeout_s = 4

    def command(self, handler):
        return [*foreign.builds.java(), handler]


class Calls(Java, foreign.Calls, Case):
    pass


class Managed(Java, foreign.Managed, Case):
    pass


if __name__ == "__main__":
    foreign.main(foreign.builds.java)
