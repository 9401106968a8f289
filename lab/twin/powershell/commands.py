"""Commands: finding what a name means, binding its arguments, pipelines, functions and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.twin.powershell import tree
from lab.twin.powershell.convert import cast, to_bool, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, Return, failure
from lab.twin.powershell.evaluate import Evaluator
from lab.twin.powershell.registry import ALIASES, CMDLETS, COMMON, NATIVES, REFUSED, Call, Cmdlet, Declared
from lab.twin.powershell.runtime import Scope
from lab.twin.powershell.values import PSHash, ScriptBlock, Switch, collapse, each

BINDING = "System.Management.Automation.ParameterBindingException"
Given = tuple[str | None, object, bool]
"""Name of a parameter (None: positional), value, whether a value was given."""


class Commands(Evaluator):
    """Invocation."""

    def pipeline_output(self, node: tree.Pipeline) -> list[object]:
        """Run a pipeline; return its output."""
        items: list[object] | None = None
        for element in node.elements:
            if isinstance(element, tree.Command):
                items = self.invoke(element, items)
            else:
                items = list(each(self.evaluate(element)))
                self.succeeded = True
        return items or []

    def invoke(self, command: tree.Command, items: list[object] | None) -> list[object]:
        """Run one command with what comes through the pipeline."""
        self.at = command.at
        target = self.evaluate(command.name) if command.operator or not isinstance(command.name, tree.Literal) else command.name.value
        if isinstance(target, ScriptBlock):
            positional, named = self.split_for_function(target.block, self.given(command.arguments))
            return self.call_function(target.block, positional, named, items, own_scope=command.operator != ".")
        name = ALIASES.get(to_text(target).lower(), to_text(target))
        if (block := self.function(name)) is not None:
            positional, named = self.split_for_function(block, self.given(command.arguments))
            return self.call_function(block, positional, named, items)
        if known := CMDLETS.get(name.lower()):
            return self.call_cmdlet(known, self.given(command.arguments), items, command)
        if name.lower() in REFUSED:
            raise NotSupportedByTwin(f"the cmdlet {name}")
        program = name.lower().rpartition("\\")[2].removesuffix(".exe")
        if program in NATIVES:
            return self.call_native(program, command, items)
        if "\\" in name or name.lower().endswith(".exe") or "-" in name:
            raise NotSupportedByTwin(f"the command {name}")
        raise failure(f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program."
                      " Check the spelling of the name, or if a path was included, verify that the path is correct and try"
                      " again.", exception="System.Management.Automation.CommandNotFoundException",
                      identifier="CommandNotFoundException", category="ObjectNotFound", target=name)

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
                found.append((argument.parameter, self.evaluate(argument.value), True))
        return found

    def bind(self, known: Cmdlet, given: list[Given]) -> dict[str, object]:
        """Return the arguments of a cmdlet by declared name. Raises PowerShellError as Windows' binder does."""
        bound: dict[str, object] = {}
        positional: list[object] = []
        waiting: tuple[str, str] | None = None
        for name, value, has_value in given:
            if name is None:
                if waiting:
                    bound[waiting[0]] = self.convert(known, waiting[0], waiting[1], value)
                    waiting = None
                else:
                    positional.append(value)
                continue
            if waiting:
                raise self.binding_error(known, f"Missing an argument for parameter '{waiting[0]}'. Specify a parameter of type"
                                         f" 'System.{waiting[1]}' and try again.", "MissingArgument")
            full, kind = self.resolve(known, name)
            if kind == "switch":
                bound[full] = Switch(to_bool(value) if has_value else True)
            elif has_value:
                bound[full] = self.convert(known, full, kind, value)
            else:
                waiting = (full, kind)
        if waiting:
            raise self.binding_error(known, f"Missing an argument for parameter '{waiting[0]}'. Specify a parameter of type"
                                     f" 'System.{waiting[1]}' and try again.", "MissingArgument")
        self.bind_positional(known, bound, positional)
        return bound

    def bind_positional(self, known: Cmdlet, bound: dict[str, object], positional: list[object]) -> None:
        """Bind what was given without a name."""
        places = sorted((one for one in known.parameters if one.position is not None and one.name not in bound),
                        key=lambda one: one.position or 0)
        for value in positional:
            if not places:
                raise self.binding_error(known, f"A positional parameter cannot be found that accepts argument '{to_text(value)}'.",
                                         "PositionalParameterNotFound")
            declared = places.pop(0)
            bound[declared.name] = self.convert(known, declared.name, declared.type, value)

    @staticmethod
    def resolve(known: Cmdlet, name: str) -> tuple[str, str]:
        """Return the full name and the type of a parameter that may be shortened."""
        folded = name.lower()
        exact = [one for one in known.parameters if one.name.lower() == folded]
        begins = exact or [one for one in known.parameters if one.name.lower().startswith(folded)]
        if len(begins) == 1:
            return begins[0].name, begins[0].type
        common = [one for one in COMMON if one.startswith(folded)]
        if not begins and len(common) == 1:
            full = {"erroraction": "ErrorAction", "errorvariable": "ErrorVariable"}.get(common[0], common[0])
            return full, COMMON[common[0]]
        if begins:
            raise Commands.binding_error(known, f"Parameter cannot be processed because the parameter name '{name}' is ambiguous."
                                         f" Possible matches include: -{' -'.join(one.name for one in begins)}.",
                                         "AmbiguousParameter")
        raise NotSupportedByTwin(f"the parameter -{name} of {known.name}")

    def convert(self, known: Cmdlet, name: str, kind: str, value: object) -> object:
        """Convert an argument to the declared type."""
        try:
            return cast(kind, value)
        except PowerShellError as error:
            raise self.binding_error(known, f"Cannot bind parameter '{name}'. {error.record.message}",
                                     "CannotConvertArgumentNoMessage") from None

    @staticmethod
    def binding_error(known: Cmdlet, message: str, identifier: str) -> PowerShellError:
        """Return an error of the parameter binder."""
        error = failure(message, exception=BINDING, identifier=f"{identifier},{known.name}", category="InvalidArgument")
        error.record.command = known.name
        return error

    # -- cmdlets ------------------------------------------------------------------------------------------------------------

    def call_cmdlet(self, known: Cmdlet, given: list[Given], items: list[object] | None, node: tree.Node) -> list[object]:
        """Run a cmdlet."""
        bound = self.bind(known, given)
        for declared in known.parameters:
            if declared.name not in bound and declared.pipeline and items is not None:
                bound[declared.name] = self.from_pipeline(declared, items)
            if declared.mandatory and declared.name not in bound:
                raise self.binding_error(known, f"Cannot process command because of one or more missing mandatory parameters:"
                                         f" {declared.name}.", "MissingMandatoryParameter")
        call = Call(name=known.name, interpreter=self, arguments=bound, input=items or [])  # type: ignore[arg-type]
        self.succeeded = True
        before = len(self.streams.errors)
        try:
            output = list(known.run(call))
        except PowerShellError as error:
            error.record.command = error.record.command or known.name
            if not error.record.source:
                error.record.source, error.record.at = self.source, node.at
            action = call.text("ErrorAction").lower()
            if action in ("silentlycontinue", "ignore", "continue") and not error.thrown:
                self.succeeded = False
                if action == "continue":
                    self.streams.errors.append(error.record)
                return []
            raise
        self.succeeded = self.succeeded and len(self.streams.errors) == before
        return output

    @staticmethod
    def from_pipeline(declared: Declared, items: list[object]) -> object:
        """Return the value that a parameter takes from the pipeline."""
        if declared.type.endswith("[]") or declared.type == "object":
            return items
        return cast(declared.type, collapse(items))

    # -- functions and blocks -----------------------------------------------------------------------------------------------

    def function(self, name: str) -> tree.Block | None:
        """Return the function of a name, from the innermost scope outwards."""
        for scope in reversed(self.scopes):
            if name.lower() in scope.functions:
                return scope.functions[name.lower()]
        return None

    @staticmethod
    def split_for_function(block: tree.Block, given: list[Given]) -> tuple[list[object], dict[str, object]]:
        """Return the positional and the named arguments of a function: -Name value, or a switch."""
        kinds = {parameter.name.lower(): (parameter.type or "").lower() for parameter in block.parameters}
        positional: list[object] = []
        named: dict[str, object] = {}
        waiting: str | None = None
        for name, value, has_value in given:
            if name is None:
                if waiting:
                    named[waiting] = value
                    waiting = None
                else:
                    positional.append(value)
                continue
            full = next((one for one in kinds if one == name.lower()), None) or \
                next((one for one in kinds if one.startswith(name.lower())), None)
            if full is None:
                raise failure(f"A parameter cannot be found that matches parameter name '{name}'.", exception=BINDING,
                              identifier="NamedParameterNotFound", category="InvalidArgument")
            if kinds[full] == "switch":
                named[full] = Switch(to_bool(value) if has_value else True)
            elif has_value:
                named[full] = value
            else:
                waiting = full
        return positional, named

    def call_function(
        self, block: tree.Block, positional: list[object], named: dict[str, object], items: list[object] | None, *,
        own_scope: bool = True,
    ) -> list[object]:
        """Run a function or block with arguments."""
        _, checked = self.split_for_function(block, [(name, value, True) for name, value in named.items()])
        scope = Scope()
        rest = list(positional)
        self.scopes.append(scope)
        source, self.source = self.source, block.origin or self.source
        try:
            for parameter in block.parameters:
                scope.variables[parameter.name.lower()] = self.parameter(parameter, checked, rest)
            scope.variables["args"] = rest
            scope.variables["input"] = list(items or [])
            if not own_scope:
                self.scopes.pop()
                self.scopes[-1].variables.update(scope.variables)
            return self.run_body(block, items)
        except Return as signal:
            return [*signal.output, *each(signal.args[0] if signal.args else None)]
        except PowerShellError as error:
            self.place(error.record)
            raise
        finally:
            self.source = source
            if own_scope:
                while self.scopes and self.scopes[-1] is not scope:
                    self.scopes.pop()
                self.scopes.pop()

    def run_body(self, block: tree.Block, items: list[object] | None) -> list[object]:
        """Run begin, process for every item, and the body."""
        output = self.run(block.begin) if block.begin else []
        if block.process is not None:
            for item in items if items is not None else [None]:
                self.scopes[-1].variables["_"] = item
                output += self.run(block.process)
        return output + self.run(block.body)

    def parameter(self, parameter: tree.Parameter, named: dict[str, object], rest: list[object]) -> object:
        """Return the value of a function's parameter."""
        kind = parameter.type or "object"
        if parameter.name.lower() in named:
            value = named[parameter.name.lower()]
        elif rest and kind.lower() != "switch":
            value = rest.pop(0)
        elif parameter.default is not None:
            value = self.evaluate(parameter.default)
        elif parameter.mandatory:
            raise failure(f"Cannot process command because of one or more missing mandatory parameters: {parameter.name}.",
                          exception=BINDING, identifier="MissingMandatoryParameter", category="InvalidArgument")
        else:
            return Switch(False) if kind.lower() == "switch" else "" if kind.lower() == "string" else None
        value = cast(kind, value)
        if parameter.allowed is not None and to_text(value).lower() not in (one.lower() for one in parameter.allowed):
            raise failure(f"Cannot validate argument on parameter '{parameter.name}'. The argument \"{to_text(value)}\" does not belong"
                          f" to the set \"{','.join(parameter.allowed)}\" specified by the ValidateSet attribute.",
                          exception=BINDING, identifier="ParameterArgumentValidationError", category="InvalidData")
        return value

    def invoke_block(
        self, block: ScriptBlock, arguments: Sequence[object] = (), *, item: object = None,
        input_items: Sequence[object] | None = None, own_scope: bool = True,
    ) -> list[object]:
        """Run a script block for a cmdlet; `item` is its $_."""
        scope = Scope({"_": item, "args": list(arguments), "input": list(input_items or [])})
        for parameter, value in zip(block.block.parameters, arguments, strict=False):
            scope.variables[parameter.name.lower()] = value
        source, self.source = self.source, block.block.origin or self.source
        if not own_scope:  # as ForEach-Object and Where-Object: variables of the caller are set in place
            before = self.scopes[-1].variables.get("_")
            self.scopes[-1].variables["_"] = item
            try:
                return self.run(block.block.body)
            finally:
                self.source = source
                self.scopes[-1].variables["_"] = before
        self.scopes.append(scope)
        try:
            return self.run(block.block.body)
        except Return as signal:
            return [*signal.output, *each(signal.args[0] if signal.args else None)]
        finally:
            self.source = source
            self.scopes.remove(scope)

    # -- programs -----------------------------------------------------------------------------------------------------------

    def call_native(self, name: str, command: tree.Command, items: list[object] | None) -> list[object]:
        """Run a program: its lines are output, its exit code is $LASTEXITCODE, standard error goes where it is sent."""
        arguments = list(self.native_arguments(command.arguments))
        text = "".join(to_text(item) + "\r\n" for item in items or [])
        result = NATIVES[name](arguments, self.machine, text)
        self.scopes[0].variables["lastexitcode"] = result.exit_code
        self.succeeded = result.exit_code == 0
        merged = any(one.stream in ("2", "*") and one.merge for one in command.redirections)
        discarded = {one.stream for one in command.redirections if not one.merge}
        lines = result.output.replace("\r\n", "\n").removesuffix("\n").split("\n") if result.output else []
        errors = result.error.replace("\r\n", "\n").removesuffix("\n").split("\n") if result.error else []
        if merged:
            lines += errors
        elif not discarded & {"2", "*"}:
            self.streams.native_errors += errors
        return [] if discarded & {"1", "*"} else list(lines)

    def native_arguments(self, arguments: Sequence[tree.Argument]) -> Iterator[str]:
        """Yield the words that a program gets: an array in the source is one word, an array's value is several."""
        for argument in arguments:
            dash = [f"-{argument.parameter}"] if argument.parameter is not None else []
            if argument.value is None:
                yield from dash
            elif isinstance(argument.value, tree.Array):
                yield from [*dash, ",".join(to_text(self.evaluate(item)) for item in argument.value.items)]
            else:
                values = [to_text(item) for item in each(self.evaluate(argument.value))]
                yield from [f"{dash[0]}:{values[0]}", *values[1:]] if dash else values
