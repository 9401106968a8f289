"""Commands: finding what a name means, binding a cmdlet's arguments, pipelines, redirections, programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lab.twin.powershell import tree
from lab.twin.powershell.convert import cast, to_bool, to_text
from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin, PowerShellError, Signal
from lab.twin.powershell.functions import Functions, Given, binding_failure
from lab.twin.powershell.registry import ALIASES, CMDLETS, COMMON, COMMON_SWITCHES, NATIVES, Call, Cmdlet, Declared, program_of
from lab.twin.powershell.values import PSHash, ScriptBlock, Spelt, Switch, collapse, each, plain, written

ACTIONS = ("stop", "continue", "silentlycontinue", "ignore")


class Commands(Functions):
    """Invocation."""

    def run_pipeline(self, node: tree.Pipeline, output: list[object]) -> None:
        """Run a pipeline; its last command writes to the output as it goes. Raises NotSupportedByTwin where the order would show."""
        items: list[object] | None = None
        for place, element in enumerate(node.elements):
            last = place == len(node.elements) - 1
            made: list[object] = output if last else []
            before, said = len(made), len(self.streams.host) + len(self.streams.warnings)
            try:
                self.run_element(element, items, made)
            except (PowerShellError, Signal):
                if not last and made:
                    raise NotSupportedByTwin("an error, or leaving, in the middle of a pipeline after output (write foreach)") from None
                raise
            if not last and len(made) > 1 and len(self.streams.host) + len(self.streams.warnings) > said:
                raise NotSupportedByTwin("Write-Host or Write-Warning in a pipeline before its last command (write foreach)")
            if items is not None and len(made) - before < len(items) and self.stops_early(element) and \
                    any(self.acts(one) for one in node.elements[:place]):
                raise NotSupportedByTwin("Select-Object -First behind a block or function, which Windows would stop (write foreach and break)")
            items = made

    @staticmethod
    def stops_early(element: tree.Node) -> bool:
        """Whether an element ends the pipeline before its input does."""
        return isinstance(element, tree.Command) and any((one.parameter or "").lower() == "first" for one in element.arguments)

    def acts(self, element: tree.Node) -> bool:
        """Whether an element may do more than pass objects on."""
        if not isinstance(element, tree.Command):
            return False
        name = self.target_of(element)
        return isinstance(name, ScriptBlock) or name.lower() == "foreach-object" or self.function(name) is not None

    def run_element(self, element: tree.Node, items: list[object] | None, output: list[object]) -> None:
        """Run one element of a pipeline."""
        if not isinstance(element, tree.Command):
            output.extend(written(self.raw(element)))
            self.succeeded = True
            return
        name = self.target_of(element)
        program = program_of(name) if isinstance(name, str) and self.function(name) is None and name.lower() not in CMDLETS else None
        if program is not None:
            self.call_native(program, element, items, output)
        elif element.redirections:
            self.run_redirected(element, name, items, output)
        else:
            self.invoke(element, name, items, output)

    def target_of(self, command: tree.Command) -> str | ScriptBlock:
        """Return the block or the name that a command calls."""
        self.at = command.at
        target = self.evaluate(command.name) if command.operator or not isinstance(command.name, tree.Literal) else command.name.value
        if isinstance(target, ScriptBlock):
            return target
        return ALIASES.get(to_text(target).lower(), to_text(target))

    def invoke(self, command: tree.Command, target: str | ScriptBlock, items: list[object] | None, output: list[object]) -> None:
        """Run a block, function or cmdlet with what comes through the pipeline."""
        block = target.block if isinstance(target, ScriptBlock) else self.function(target)
        if block is not None:
            positional, named = self.split_for_function(block, self.given(command.arguments))
            self.call_function(block, positional, named, items, output, own_scope=command.operator != ".")
        elif known := CMDLETS.get(str(target).lower()):
            self.call_cmdlet(known, self.given(command.arguments), items, output, command)
        else:
            raise NotSupportedByTwin(f"the command {target}")

    def run_redirected(self, command: tree.Command, name: str | ScriptBlock, items: list[object] | None, output: list[object]) -> None:
        """Run a command whose streams are discarded, or whose errors are merged into its output."""
        discarded = {one.stream for one in command.redirections if not one.merge}
        merged = {one.stream for one in command.redirections if one.merge}
        if merged - {"2"} or "*" in merged:
            raise NotSupportedByTwin(f"{sorted(merged)[0]}>&1 of a cmdlet or function")
        made: list[object] = []
        streams: list[tuple[str, list[Any]]] = [("2*", self.streams.errors), ("3*", self.streams.warnings), ("6*", self.streams.host)]
        marks = [(kept, len(kept)) for numbers, kept in streams if discarded & set(numbers)]
        errors = len(self.streams.errors)
        try:
            self.invoke(command, name, items, made)
        finally:
            for kept, mark in marks:
                del kept[mark:]
            if not discarded & {"1", "*"}:
                output.extend(made)
        if merged:
            records = self.streams.errors[errors:]
            if records and made:
                raise NotSupportedByTwin("2>&1 of a cmdlet or function that writes both output and errors")
            output.extend(records)
            del self.streams.errors[errors:]

    # -- arguments --------------------------------------------------------------------------------------------------------

    def given(self, arguments: Sequence[tree.Argument]) -> list[Given]:
        """Evaluate arguments; splatted hashtables become parameters."""
        found: list[Given] = []
        for argument in arguments:
            if isinstance(argument.value, tree.Variable) and argument.value.splatted:
                value = self.variable(argument.value.name)
                if isinstance(value, PSHash):
                    found += [(to_text(key), content, True) for key, content in value.items()]
                else:
                    found += [(None, item, True) for item in each(value)]
            elif argument.value is None:
                found.append((argument.parameter, None, False))
            else:
                value = self.evaluate(argument.value)
                text = argument.value.text if isinstance(argument.value, tree.Literal) else ""
                found.append((argument.parameter, Spelt(value, text) if text else value, True))
        return found

    def bind(self, known: Cmdlet, given: list[Given]) -> dict[str, object]:
        """Return the arguments of a cmdlet by declared name. Raises PowerShellError as Windows' binder does."""
        bound: dict[str, object] = {}
        positional: list[object] = []
        waiting: Declared | None = None
        for name, value, has_value in given:
            if name is None and waiting:
                bound[waiting.name] = self.convert(known, waiting, value)
                waiting = None
            elif name is None:
                positional.append(value)
            elif waiting:
                break
            else:
                declared = self.resolve(known, name)
                if declared.name in bound:
                    raise self.binding_error(known, f"Cannot bind parameter because parameter '{declared.name}' is specified more than"
                                             " once.", "ParameterAlreadyBound")
                if declared.type == "switch":
                    bound[declared.name] = Switch(to_bool(plain(value)) if has_value else True)
                elif has_value:
                    bound[declared.name] = self.convert(known, declared, value)
                else:
                    waiting = declared
        if waiting:
            raise self.binding_error(known, f"Missing an argument for parameter '{waiting.name}'. Specify a parameter of type"
                                     f" 'System.{waiting.type}' and try again.", "MissingArgument")
        self.bind_positional(known, bound, positional)
        self.check_common(known, bound)
        return bound

    def bind_positional(self, known: Cmdlet, bound: dict[str, object], positional: list[object]) -> None:
        """Bind what was given without a name."""
        places = sorted((one for one in known.parameters if one.position is not None and one.name not in bound),
                        key=lambda one: one.position or 0)
        for place, value in enumerate(positional):
            if not places:
                raise NotSupportedByTwin(f"a further argument of {known.name} without its parameter's name")
            declared = places.pop(0)
            if declared.rest and len(positional) > place + 1:
                bound[declared.name] = [plain(one) for one in positional[place:]]
                return
            bound[declared.name] = self.convert(known, declared, value)

    @staticmethod
    def check_common(known: Cmdlet, bound: dict[str, object]) -> None:
        """Refuse common parameters that would change what the cmdlet does."""
        for name in COMMON_SWITCHES & set(bound):
            if to_bool(bound[name]) and not any(one.name == name for one in known.parameters):
                raise NotSupportedByTwin(f"{known.name} -{name}")
        action = to_text(bound.get("ErrorAction", "continue")).lower()
        if action not in ACTIONS:
            raise NotSupportedByTwin(f"{known.name} -ErrorAction {action}")

    @staticmethod
    def resolve(known: Cmdlet, name: str) -> Declared:
        """Return the parameter of a name. Raises NotSupportedByTwin."""
        folded = name.lower()
        for one in known.parameters:
            if one.name.lower() == folded:
                return one
        if full := COMMON.get(folded):
            return Declared(name=full, type="switch" if full in COMMON_SWITCHES else "string", position=None, pipeline=False, mandatory=False,
                            rest=False, empty=False)
        begins = [one.name for one in known.parameters if one.name.lower().startswith(folded)]
        hint = f" (shortened? write -{begins[0]})" if begins else ""
        raise NotSupportedByTwin(f"the parameter -{name} of {known.name}{hint}")

    def convert(self, known: Cmdlet, declared: Declared, value: object) -> object:
        """Convert an argument to the declared type. Raises NotSupportedByTwin for "" and $null where Windows may refuse them."""
        if isinstance(value, Spelt):
            value = value.text if declared.type.startswith("string") else value.value
        if declared.type.startswith("string") and not declared.empty:
            if value is None or value in ("", []):
                if not declared.mandatory:
                    raise NotSupportedByTwin(f"$null or \"\" for -{declared.name} of {known.name}")
                raise self.binding_error(known, f"Cannot bind argument to parameter '{declared.name}' because it is"
                                         f" {'null' if value is None else 'an empty string'}.", "ParameterArgumentValidationErrorNullNotAllowed")
            if declared.type == "string" and isinstance(value, (list, bytes)):
                raise self.binding_error(known, f"Cannot convert 'System.Object[]' to the type 'System.String' required by parameter"
                                         f" '{declared.name}'. Specified method is not supported.", "CannotConvertArgument")
        try:
            return cast(declared.type, value)
        except PowerShellError as error:
            raise self.binding_error(known, f"Cannot bind parameter '{declared.name}'. {error.record.message}",
                                     "CannotConvertArgumentNoMessage") from None

    @staticmethod
    def binding_error(known: Cmdlet, message: str, identifier: str) -> PowerShellError:
        """Return an error of the parameter binder."""
        error = binding_failure(message, f"{identifier},{known.name}")
        error.record.command = known.name
        return error

    # -- cmdlets ------------------------------------------------------------------------------------------------------------

    def call_cmdlet(self, known: Cmdlet, given: list[Given], items: list[object] | None, output: list[object], node: tree.Node) -> None:
        """Run a cmdlet; add its output to a list."""
        bound = self.bind(known, given)
        taken = False
        for declared in known.parameters:
            if declared.name not in bound and declared.pipeline and items is not None:
                if declared.mandatory and not items:
                    return  # an empty pipeline: nothing to do
                bound[declared.name] = self.from_pipeline(declared, items)
                taken = True
            if declared.mandatory and declared.name not in bound:
                raise self.binding_error(known, f"Cannot process command because of one or more missing mandatory parameters:"
                                         f" {declared.name}.", "MissingMandatoryParameter")
        if items and not taken:
            raise NotSupportedByTwin(f"{known.name} behind a pipeline")
        call = Call(name=known.name, interpreter=self, arguments=bound, input=items or [], output=output)  # type: ignore[arg-type]
        self.succeeded = True
        before = len(self.errors)
        try:
            output.extend(known.run(call))
        except PowerShellError as error:
            if not error.record.source:
                error.record.source, error.record.at = self.source, node.at
            if error.soft:
                call.take(error)
                return
            error.record.command = error.record.command or ("" if error.thrown else known.name)
            raise
        self.succeeded = self.succeeded and len(self.errors) == before

    @staticmethod
    def from_pipeline(declared: Declared, items: list[object]) -> object:
        """Return the value that a parameter takes from the pipeline."""
        if declared.type.endswith("[]") or declared.type == "object":
            return items
        if len(items) > 1:
            raise NotSupportedByTwin(f"several objects in the pipeline for -{declared.name} (write ForEach-Object)")
        value = collapse(items)
        return cast(declared.type, value)

    # -- programs -----------------------------------------------------------------------------------------------------------

    def call_native(self, name: str, command: tree.Command, items: list[object] | None, output: list[object]) -> None:
        """Run a program: its lines are output, its exit code is $LASTEXITCODE, standard error goes where it is sent."""
        arguments = list(self.native_arguments(command.arguments))
        text = "".join(to_text(item) + "\r\n" for item in items or [])
        result = NATIVES[name](arguments, self.machine, text)
        self.scopes[0].variables["lastexitcode"] = result.exit_code
        self.succeeded = result.exit_code == 0
        merged = {one.stream for one in command.redirections if one.merge}
        discarded = {one.stream for one in command.redirections if not one.merge}
        lines: list[object] = [*_lines(result.output)]
        errors = _lines(result.error)
        if errors and (merged | discarded) & {"2", "*"}:  # 5.1 makes error records of standard error as soon as it is redirected
            records = [ErrorRecord(message=line, exception="System.Management.Automation.RemoteException", identifier="NativeCommandError",
                                   target=line, command=name, source=self.source, at=command.at) for line in errors]
            if self.preference() == "stop":
                raise PowerShellError(records[0])
            lines += records if merged & {"2", "*"} else []
        else:
            self.streams.native_errors += errors
        output.extend([] if discarded & {"1", "*"} else lines)

    def native_arguments(self, arguments: Sequence[tree.Argument]) -> Iterator[str]:
        """Yield the words that a program gets: an array in the source is one word, an array's value is several."""
        for argument in arguments:
            dash = [f"-{argument.parameter}"] if argument.parameter is not None else []
            if argument.value is None:
                yield from dash
            elif isinstance(argument.value, tree.Array):
                yield from [*dash, ",".join(self._native_word(item) for item in argument.value.items)]
            elif isinstance(argument.value, tree.Literal):
                yield f"{dash[0]}:{self._native_word(argument.value)}" if dash else self._native_word(argument.value)
            else:
                values = [to_text(item) for item in each(self.evaluate(argument.value))]
                yield from [f"{dash[0]}:{values[0]}", *values[1:]] if dash else values

    def _native_word(self, node: tree.Node) -> str:
        """Return one word; a number as it was spelt."""
        return (node.text if isinstance(node, tree.Literal) else "") or to_text(self.evaluate(node))


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
