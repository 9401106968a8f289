"""Statements: what runs, in which order, and what an error does.

Pipelines run stage by stage, not item by item: output is the same, the order of side effects between stages is not. A terminating
error of a cmdlet or an expression ends the statement, not the script, unless $ErrorActionPreference is Stop, a try is around it,
or it was thrown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lab.twin.powershell import tree
from lab.twin.powershell.commands import Commands
from lab.twin.powershell.convert import equal, like, to_bool, to_text
from lab.twin.powershell.errors import Break, Continue, ErrorRecord, Exit, NotSupportedByTwin, PowerShellError, Return
from lab.twin.powershell.parser import parse
from lab.twin.powershell.values import PSObject, collapse, each

MOST_TURNS = 100_000
"""Turns of one loop after which the twin gives up: no provisioning step needs as many."""


class Interpreter(Commands):
    """A runspace."""

    def run_script(self, source: str) -> list[object]:
        """Parse and run a script in the runspace's scope; return its output.

        Raises:
            ParseError, NotSupportedByTwin: the script is not of the subset.
            PowerShellError: it ended with an error.
            Exit: it ended with `exit`.
        """
        block = parse(source)
        self.source = source.replace("\r\n", "\n")
        try:
            return self.run(block.body)
        except Return as signal:
            return [*signal.output, *each(signal.args[0] if signal.args else None)]

    def run(self, statements: Sequence[tree.Node]) -> list[object]:
        """Run statements; return their output."""
        output: list[object] = []
        for statement in statements:
            try:
                self.run_one(statement, output)
            except (Return, Break, Continue) as signal:
                # What was written before leaving is output all the same.
                signal.output = [*output, *signal.output]
                raise
            except PowerShellError as error:
                self.place(error.record)
                self.succeeded = False
                stops = to_text(self.variable("ErrorActionPreference")).lower() == "stop"
                if stops or self.guarded or error.thrown:
                    raise
                self.streams.errors.append(error.record)
        return output

    def run_one(self, node: tree.Node, output: list[object]) -> None:
        """Run one statement, adding to the output."""
        self.at = node.at
        act: Callable[[tree.Node, list[object]], None] | None = getattr(self, f"run_{type(node).__name__.lower()}", None)
        if act is not None:
            act(node, output)
            return
        value = self.evaluate(node)
        self.succeeded = True
        if not (isinstance(node, tree.Unary) and node.operator in ("++", "--")):
            output.extend(each(value))

    def run_pipeline(self, node: tree.Pipeline, output: list[object]) -> None:
        """A pipeline."""
        output.extend(self.pipeline_output(node))

    def run_assignment(self, node: tree.Assignment, output: list[object]) -> None:
        """An assignment has no output."""
        self.assign_to(node)
        self.succeeded = True

    def run_function(self, node: tree.Function, output: list[object]) -> None:
        """A definition."""
        self.scopes[-1].functions[node.name.lower().rpartition(":")[2]] = node.block

    def run_if(self, node: tree.If, output: list[object]) -> None:
        """The first branch whose condition holds."""
        for condition, body in node.clauses:
            if to_bool(self.evaluate(condition)):
                output.extend(self.run(body))
                return
        if node.otherwise is not None:
            output.extend(self.run(node.otherwise))

    # -- loops ----------------------------------------------------------------------------------------------------------

    def turn(self, body: Sequence[tree.Node], output: list[object]) -> bool:
        """Run a loop's body once; return whether the loop goes on."""
        try:
            output.extend(self.run(body))
        except Continue as signal:
            output.extend(signal.output)
        except Break as signal:
            output.extend(signal.output)
            return False
        return True

    def run_while(self, node: tree.While, output: list[object]) -> None:
        """While, do-while, do-until."""
        first = node.after
        for _ in range(MOST_TURNS):
            if not first and to_bool(self.evaluate(node.condition)) == node.until:
                return
            first = False
            if not self.turn(node.body, output):
                return
        raise NotSupportedByTwin(f"a loop of more than {MOST_TURNS} turns")

    def run_for(self, node: tree.For, output: list[object]) -> None:
        """For."""
        if node.first is not None:
            self.run([node.first])
        for _ in range(MOST_TURNS):
            if node.condition is not None and not to_bool(self.evaluate(node.condition)):
                return
            if not self.turn(node.body, output):
                return
            if node.step is not None:
                self.run([node.step])
        raise NotSupportedByTwin(f"a loop of more than {MOST_TURNS} turns")

    def run_foreach(self, node: tree.ForEach, output: list[object]) -> None:
        """Foreach."""
        for item in list(each(self.evaluate(node.source))):
            self.assign(node.variable, item)
            if not self.turn(node.body, output):
                return

    def run_switch(self, node: tree.Switch, output: list[object]) -> None:
        """Switch: every clause that matches runs, until a break."""
        for value in each(self.evaluate(node.value)):
            matched = False
            for label, body in node.clauses:
                hit = not matched if label is None else self.switch_matches(node.mode, value, self.evaluate(label))
                if hit:
                    matched = True
                    self.scopes[-1].variables["_"] = value
                    if not self.turn(body, output):
                        return

    @staticmethod
    def switch_matches(mode: str, value: object, label: object) -> bool:
        """Whether a clause applies."""
        if mode == "wildcard":
            return like(to_text(value), to_text(label))
        if mode == "regex":
            return re.search(to_text(label), to_text(value), re.I) is not None
        return equal(value, label)

    # -- errors and leaving -----------------------------------------------------------------------------------------------

    def run_try(self, node: tree.Try, output: list[object]) -> None:
        """Try, catch, finally. NotSupportedByTwin goes through: a gap of the twin is not the script's business."""
        depth = len(self.scopes)
        try:
            self.guarded += 1
            try:
                output.extend(self.run(node.body))
            finally:
                self.guarded -= 1
                del self.scopes[depth:]
        except PowerShellError as error:
            handler = self.handler(node, error.record)
            if handler is None:
                raise
            self.scopes[-1].variables["_"] = error.record
            self.scopes[0].variables["error"] = [error.record]
            output.extend(self.catching(handler, error))
        finally:
            if node.last is not None:
                output.extend(self.run(node.last))

    def catching(self, handler: Sequence[tree.Node], error: PowerShellError) -> list[object]:
        """Run a catch block, in which a bare `throw` throws the same error again."""
        before = getattr(self, "caught", None)
        self.caught = error
        try:
            return self.run(handler)
        finally:
            self.caught = before

    caught: PowerShellError | None = None

    @staticmethod
    def handler(node: tree.Try, record: ErrorRecord) -> Sequence[tree.Node] | None:
        """Return the catch block for an error."""
        for types, body in node.catches:
            names = [name.lower().removeprefix("system.") for name in types]
            if not types or record.exception.lower().removeprefix("system.") in names or "exception" in names:
                return body
        return None

    def run_flow(self, node: tree.Flow, output: list[object]) -> None:
        """return, throw, exit, break, continue."""
        value = self.evaluate(node.value) if node.value is not None else None
        if node.kind == "return":
            raise Return(value)
        if node.kind == "break":
            raise Break
        if node.kind == "continue":
            raise Continue
        if node.kind == "exit":
            raise Exit(int(to_text(value) or 0))
        if node.value is None and self.caught is not None:
            raise self.caught
        raise self.thrown(value)

    def thrown(self, value: object) -> PowerShellError:
        """Return the error that `throw value` is."""
        if isinstance(value, ErrorRecord):
            record = value
        elif isinstance(value, PSObject) and value.type_name.endswith("Exception"):
            record = ErrorRecord(message=to_text(value.get("Message")), exception=value.type_name, category="OperationStopped")
        else:
            text = to_text(collapse(list(each(value)))) or "ScriptHalted"
            record = ErrorRecord(message=text, identifier=text, category="OperationStopped", target=text)
        error = PowerShellError(self.place(record))
        error.thrown = True
        return error
