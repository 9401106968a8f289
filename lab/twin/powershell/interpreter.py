"""Statements: what runs, in which order, and what an error does.

Pipelines run stage by stage, not item by item: output is the same, the order of side effects between stages is not (where it would
show as text, or where an error or -First would have stopped an earlier stage, `commands` refuses the pipeline). A terminating error
of a cmdlet or an expression ends the statement, not the script, unless $ErrorActionPreference is Stop, a try is around it,
or it was thrown. Output goes to a list that is handed down, so what was written before an error or a `break` is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.twin.powershell import tree
from lab.twin.powershell.commands import Commands
from lab.twin.powershell.compare import equal, like
from lab.twin.powershell.convert import to_bool, to_integer, to_text
from lab.twin.powershell.errors import (
    Break,
    Continue,
    ErrorRecord,
    Exit,
    NotSupportedByTwin,
    PowerShellError,
    Return,
    Signal,
    failure,
    is_exception,
)
from lab.twin.powershell.parser import parse
from lab.twin.powershell.patterns import compiled
from lab.twin.powershell.values import NOTHING, Keys, PSObject, ScriptBlock, collapse, each, written

MOST_TURNS = 100_000
"""Turns of one loop after which the twin gives up: no provisioning step needs as many."""


class Interpreter(Commands):
    """A runspace."""

    caught: PowerShellError | None = None
    """What a bare `throw` in a catch block throws again."""

    def run_script(self, source: str, output: list[object] | None = None) -> list[object]:
        """Parse and run a script in the runspace's scope; return its output, which `output` has even when the script fails.

        Raises:
            ParseError, NotSupportedByTwin: the script is not of the subset.
            PowerShellError: it ended with an error.
            Exit: it ended with `exit`.
        """
        written_so_far = [] if output is None else output
        block = parse(source)
        self.source = source.replace("\r\n", "\n")
        if block.process is not None or block.begin is not None:
            raise NotSupportedByTwin("begin and process blocks of a script (write a function)")
        try:
            for parameter in block.parameters:
                self.assign(parameter.name, self.parameter(parameter, {}, []), declared=parameter.type)
            self.run(block.body, written_so_far)
        except Return as signal:
            written_so_far.extend(signal.values())
        except RecursionError:
            raise NotSupportedByTwin("so deep a recursion") from None
        return written_so_far

    def run(self, statements: Sequence[tree.Node], output: list[object] | None = None) -> list[object]:
        """Run statements; add their output to a list, by default a new one, and return it."""
        into: list[object] = [] if output is None else output
        for statement in statements:
            try:
                self.run_one(statement, into)
            except PowerShellError as error:
                self.place(error.record)
                self.succeeded = False
                preference = self.preference()
                if preference == "stop" or self.guarded:
                    raise
                if error.thrown:
                    if preference in ("silentlycontinue", "ignore"):
                        raise NotSupportedByTwin("throw under $ErrorActionPreference = 'SilentlyContinue'") from None
                    raise
                self.note(error.record)
                if preference == "continue":
                    self.streams.errors.append(error.record)
        return into

    def run_one(self, node: tree.Node, output: list[object]) -> None:
        """Run one statement, adding to the output."""
        self.at = node.at
        act: Callable[[tree.Node, list[object]], None] | None = getattr(self, f"run_{type(node).__name__.lower()}", None)
        if act is not None:
            act(node, output)
            return
        value = self.raw(node)
        self.succeeded = True
        if not (isinstance(node, tree.Unary) and node.operator in ("++", "--")):
            output.extend(written(value))

    def run_assignment(self, node: tree.Assignment, output: list[object]) -> None:
        """An assignment has no output; $? is that of a command on its right."""
        self.assign_to(node)
        if not isinstance(node.value, tree.Pipeline):
            self.succeeded = True

    def run_function(self, node: tree.Function, output: list[object]) -> None:
        """A definition."""
        prefix, colon, name = node.name.lower().rpartition(":")
        if colon and prefix not in ("script", "global"):
            raise NotSupportedByTwin(f"a function {node.name}")
        self.scopes[0 if colon else -1].functions[name] = node.block

    def run_if(self, node: tree.If, output: list[object]) -> None:
        """The first branch whose condition holds."""
        for condition, body in node.clauses:
            if to_bool(self.evaluate(condition)):
                self.run(body, output)
                return
        if node.otherwise is not None:
            self.run(node.otherwise, output)

    # -- loops ----------------------------------------------------------------------------------------------------------

    def turn(self, body: Sequence[tree.Node], output: list[object]) -> bool:
        """Run a loop's body once; return whether the loop goes on."""
        try:
            self.run(body, output)
        except Continue:
            return True
        except Break:
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
        source = self.evaluate(node.source)
        for item in list(each(source)):
            if isinstance(source, Keys) and source.owner.version != source.version:
                raise failure("Collection was modified; enumeration operation may not execute.",
                              exception="System.InvalidOperationException", identifier="RuntimeException")
            self.assign(node.variable, item)
            if not self.turn(node.body, output):
                return

    # -- switch -----------------------------------------------------------------------------------------------------------

    def run_switch(self, node: tree.Switch, output: list[object]) -> None:
        """Switch: every clause that matches runs, until a break; the default only if none did, wherever it stands."""
        source = self.evaluate(node.value)
        if source is None:
            raise NotSupportedByTwin("a switch over $null")
        variables = self.scopes[-1].variables
        before = variables.get("_")
        try:
            for value in each(source):
                variables["_"] = value
                if not self.switch_item(node, value, output):
                    return
        finally:
            variables["_"] = before

    def switch_item(self, node: tree.Switch, value: object, output: list[object]) -> bool:
        """Run the clauses for one value; return whether the switch goes on with the next."""
        matched = False
        try:
            for label, body in node.clauses:
                if label is not None and self.switch_matches(node.mode, value, self.evaluate(label)):
                    matched = True
                    self.scopes[-1].variables["_"] = value
                    self.run(body, output)
            if not matched:
                for label, body in node.clauses:
                    if label is None:
                        self.run(body, output)
        except Continue:
            return True
        except Break:
            return False
        return True

    def switch_matches(self, mode: str, value: object, label: object) -> bool:
        """Whether a clause applies."""
        if isinstance(label, ScriptBlock):
            return to_bool(collapse(self.invoke_block(label, item=value, own_scope=False)))
        if mode == "wildcard":
            return like(to_text(value), to_text(label))
        if mode == "regex":
            found = compiled(to_text(label), case=False).search(to_text(value))
            if found:
                self.remember_match(to_text(value), to_text(label), case=False)
            return found is not None
        return equal(value, label)

    # -- errors and leaving -----------------------------------------------------------------------------------------------

    def run_try(self, node: tree.Try, output: list[object]) -> None:
        """Try, catch, finally. NotSupportedByTwin goes through, past finally too: a gap of the twin is not the script's business."""
        try:
            self.run_guarded(node, output)
        except (PowerShellError, Signal):
            self.run(node.last or (), output)
            raise
        self.run(node.last or (), output)

    def run_guarded(self, node: tree.Try, output: list[object]) -> None:
        """Try and catch."""
        depth, variables = len(self.scopes), self.scopes[-1].variables
        self.guarded += 1
        try:
            self.run(node.body, output)
            return
        except PowerShellError as error:
            caught = error
        finally:
            self.guarded -= 1
        del self.scopes[depth:]
        self.note(caught.record)
        handler = self.handler(node, caught.record)
        if handler is None:
            raise caught
        before, variables["_"] = variables.get("_"), caught.record
        outer, self.caught = self.caught, caught
        try:
            self.run(handler, output)
        finally:
            self.caught = outer
            variables["_"] = before

    @staticmethod
    def handler(node: tree.Try, record: ErrorRecord) -> Sequence[tree.Node] | None:
        """Return the catch block for an error: of its type or a base of it, or of the exception inside it."""
        for types, body in node.catches:
            if not types or any(is_exception(one, name) for name in types for one in (record.exception, record.inner) if one):
                return body
        return None

    def run_flow(self, node: tree.Flow, output: list[object]) -> None:
        """return, throw, exit, break, continue."""
        value = self.raw(node.value) if node.value is not None else NOTHING
        if node.kind == "return":
            raise Return(*written(value))
        if node.kind == "break":
            raise Break
        if node.kind == "continue":
            raise Continue
        value = None if value is NOTHING else value
        if node.kind == "exit":
            raise Exit(to_integer("int", value))
        if node.value is None and self.caught is not None:
            raise self.caught
        raise self.thrown(value)

    def thrown(self, value: object) -> PowerShellError:
        """Return the error that `throw value` is."""
        if isinstance(value, ErrorRecord):
            record = value
        elif isinstance(value, PSObject) and value.type_name.endswith("Exception"):
            message = to_text(value.get("Message"))
            record = ErrorRecord(message=message, exception=value.type_name, identifier=message, category="OperationStopped")
        else:
            text = to_text(value) or "ScriptHalted"
            record = ErrorRecord(message=text, identifier=text, category="OperationStopped", target=text)
        error = PowerShellError(self.place(record))
        error.thrown = True
        return error
