"""Attempts to authenticate, each from the identity to the verdict: the policy engine on one side, the program on the other.

charon has asked for the identity itself. What is refused is told once, with a reason; whatever the program does wrong refuses the attempt. A
packet that answers nothing is met by the last request again, `MOST_IGNORED` times. Not thread-safe: the front is one thread.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lab.twin.rras.eap import policy_engine
from lab.twin.rras.eap.activation import Activation, Process
from lab.twin.rras.eap.messages import Code, Keys
from lab.twin.rras.eap.microsoft import check_password
from lab.twin.rras.eap.policy_engine import Reason, Refusal
from lab.twin.rras.eap.program import Action, Misuse, ProgramFailed
from lab.twin.rras.eap.settings import EapSettings
from lab.twin.windows.eaphost import ComponentMissing
from lab.twin.windows.users import Account

PACKET = 1020
"""Octets of the longest packet that the program may send: what every link carries (RFC 3748 3.1), and fits with IKE around it. Windows' own is unknown."""
MOST_IGNORED = 10
ABANDONED = 60.0
"""Seconds after which a client does not come back: twice as long as charon keeps a half-open IKE SA."""
STATE_SIZE = 16
HEADER, FAILURE = 5, 4
"""Octets before the name in an identity's response; the code of EAP-Failure."""
NO_METHOD = Refusal(reason=Reason.METHOD_NOT_ENABLED, text="the policy allows no EAP method that the server has")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the client is answered."""

    code: Code
    eap: bytes
    state: bytes = b""
    keys: Keys | None = field(default=None, repr=False)
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An attempt that was refused, for the event log."""

    user: str
    client: str
    refusal: Refusal


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One of them, under way."""

    user: str
    client: str
    process: Process
    session: int
    methods: tuple[int, ...]
    """That are offered."""
    ignored: int = 0
    touched: float = field(default_factory=time.monotonic)


class Conversations:
    """Those that are going on."""

    def __init__(self, settings: EapSettings, activation: Activation, accounts: Callable[[], Iterable[Account]], refused: Callable[[Refused], None], *,
                 asks_permission: bool = True) -> None:
        """Nothing is going on yet.

        Args:
            settings: as they were when the service started.
            activation: of the program.
            accounts: returns those of the machine at this moment.
            refused: told of each refusal.
            asks_permission: whether accounts are asked who may come in (inverted twins do not).
        """
        self._settings, self._activation, self._accounts, self._refused = settings, activation, accounts, refused
        self._asks_permission = asks_permission
        self._attempts: dict[bytes, Attempt] = {}
        """By State."""

    def take(self, state: bytes, packet: bytes, client: str) -> Verdict | None:
        """Return the answer to a client's packet; None: it is none that could be answered, or of an attempt that is over."""
        self.forget_abandoned()
        if not state:
            return self._begin(packet, client)
        attempt = self._attempts.get(state)
        if attempt is None:
            return None
        attempt.touched = time.monotonic()
        return self._guarded(attempt, state, packet)

    @property
    def patience(self) -> float | None:
        """Seconds until `forget_abandoned` has something to do; None: nothing."""
        oldest = min((one.touched for one in self._attempts.values()), default=None)
        return None if oldest is None else max(0.0, oldest + ABANDONED - time.monotonic())

    def forget_abandoned(self) -> None:
        """Forget those whose clients do not come back. Nobody refused them, so nothing is told."""
        now = time.monotonic()
        for state in [state for state, one in self._attempts.items() if now - one.touched >= ABANDONED]:
            self._leave(state)

    def end(self) -> None:
        """End all of them."""
        for state in list(self._attempts):
            self._leave(state)

    # -- the beginning ------------------------------------------------------------------------------------------------------

    def _begin(self, packet: bytes, client: str) -> Verdict:
        user = packet[HEADER:].decode(errors="replace")
        try:
            return self._start(user, packet, client)
        except ComponentMissing as error:
            return self._refuse(user, client, packet, Refusal(reason=Reason.INTERNAL_ERROR, text=str(error)))
        except (ProgramFailed, Misuse) as error:
            return self._refuse(user, client, packet, Refusal(reason=Reason.EAP_ERROR, text=f"the program in place of eapahost.dll: {error}"))

    def _start(self, user: str, packet: bytes, client: str) -> Verdict:
        settings = self._settings
        if settings.host is None:
            return self._refuse(user, client, packet, Refusal(reason=Reason.INTERNAL_ERROR, text=settings.missing))
        if settings.unreadable:
            return self._refuse(user, client, packet, Refusal(reason=Reason.NO_POLICY, text=settings.unreadable))
        if not settings.policy.methods:
            return self._refuse(user, client, packet, NO_METHOD)
        process = self._activation.use()
        methods = policy_engine.offered(process.launch.host.methods, settings.policy.methods)
        if not methods:
            self._activation.leave(process)
            return self._refuse(user, client, packet, NO_METHOD)
        try:
            session = process.program.begin(methods, PACKET)
        except (ProgramFailed, Misuse) as error:  # Misuse: too many are going on, who are served further
            self._activation.leave(process)
            if isinstance(error, ProgramFailed):
                self._activation.give_up(process)
            raise
        state = secrets.token_bytes(STATE_SIZE)
        attempt = self._attempts[state] = Attempt(user=user, client=client, process=process, session=session, methods=methods)
        return self._guarded(attempt, state, packet)

    # -- in its midst -------------------------------------------------------------------------------------------------------

    def _guarded(self, attempt: Attempt, state: bytes, packet: bytes) -> Verdict:
        try:
            return self._carry(attempt, state, packet)
        except (ProgramFailed, Misuse) as error:
            self._leave(state, broken=isinstance(error, ProgramFailed))
            return self._refuse(attempt.user, attempt.client, packet,
                                Refusal(reason=Reason.EAP_ERROR, text=f"the program in place of eapahost.dll: {error}"))

    def _carry(self, attempt: Attempt, state: bytes, packet: bytes) -> Verdict:
        program, session = attempt.process.program, attempt.session
        action = program.receive(session, packet)
        if action is Action.AUTHENTICATE:
            failure, attributes = check_password(program.question(session), list(self._accounts()))
            action = program.decide(session, failure, attributes)
        if action is Action.RESULT:
            return self._judge(attempt, state, packet)
        if action is Action.DISCARD:
            replay = program.is_replay(session, packet)
            attempt.ignored += not replay
            if attempt.ignored > MOST_IGNORED:
                raise Misuse(f"{attempt.ignored} packets that answer nothing")
            return Verdict(code=Code.ACCESS_CHALLENGE, eap=program.send(session), state=state, ignored=not replay)
        return Verdict(code=Code.ACCESS_CHALLENGE, eap=program.send(session), state=state)

    def _judge(self, attempt: Attempt, state: bytes, packet: bytes) -> Verdict:
        program, session, host = attempt.process.program, attempt.session, attempt.process.launch.host
        outcome, accounts = program.outcome(session), list(self._accounts())
        why: Refusal | None = None
        if not outcome.success or outcome.keys is None:
            denied = set(host.methods) - set(attempt.methods)
            why = policy_engine.explain(outcome.method, attempt.user, policy_engine.wishes(packet), denied, accounts, outcome.reason)
        elif self._asks_permission:
            why = policy_engine.authorize(outcome.method, outcome.user, accounts)
        final = program.final(session, success=why is None)
        program.forget(session)
        self._leave(state, told=True)
        if why is None:
            return Verdict(code=Code.ACCESS_ACCEPT, eap=final, keys=outcome.keys)
        return self._refuse(attempt.user, attempt.client, packet, why, final)

    # -- the end --------------------------------------------------------------------------------------------------------------

    def _refuse(self, user: str, client: str, packet: bytes, why: Refusal, final: bytes = b"") -> Verdict:
        self._refused(Refused(user=user, client=client, refusal=why))
        return Verdict(code=Code.ACCESS_REJECT, eap=final or bytes([FAILURE, packet[1] if len(packet) > 1 else 0, 0, 4]))

    def _leave(self, state: bytes, *, told: bool = False, broken: bool = False) -> None:
        """End an attempt; the program forgets it, unless it has been told so, or does not answer."""
        attempt = self._attempts.pop(state)
        try:
            if not told and not broken:
                attempt.process.program.forget(attempt.session)
        except Misuse:  # it has forgotten it by itself
            pass
        except ProgramFailed:
            broken = True
        self._activation.leave(attempt.process)
        if broken:
            self._activation.give_up(attempt.process)
