"""Certificates: the drive Cert:, X509Certificate2 and X509Store, certutil."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from lab.twin.powershell.convert import to_text
from lab.twin.powershell.dates import DateTime
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, complaint, failure, method_failure
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.registry import NativeResult, Provider, dotnet_type, native, provider
from lab.twin.powershell.values import PSObject, SecureString
from lab.twin.windows.certificates import Stored, Stores
from lab.twin.windows.machine import Machine

CRYPTOGRAPHIC = "System.Security.Cryptography.CryptographicException"
NAMESPACE = "System.Security.Cryptography.X509Certificates"
PFX_KEYS = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)
KEY_STORAGE = frozenset({"machinekeyset", "persistkeyset", "exportable", "defaultkeyset"})
"""X509KeyStorageFlags that the twin knows."""


def as_object(stored: Stored) -> PSObject:
    """Return a certificate as X509Certificate2 shows it."""
    certificate = stored.certificate
    der = certificate.public_bytes(serialization.Encoding.DER)
    subject, issuer = (", ".join(part.rfc4514_string() for part in reversed(list(name.rdns)))
                       for name in (certificate.subject, certificate.issuer))
    return PSObject(
        [("Thumbprint", stored.thumbprint), ("Subject", subject),
         ("Issuer", issuer), ("HasPrivateKey", stored.key is not None),
         ("NotBefore", DateTime(certificate.not_valid_before_utc)), ("NotAfter", DateTime(certificate.not_valid_after_utc)),
         ("SerialNumber", f"{certificate.serial_number:X}"), ("RawData", der)],
        type_name=f"{NAMESPACE}.X509Certificate2", view=("Thumbprint", "Subject"), handle=stored,
        methods={"Dispose": lambda: None, "Reset": lambda: None, "Export": lambda *arguments: _export(stored, *arguments)},
    )


def _export(stored: Stored, content: object, password: object = None) -> bytes:
    """X509Certificate2.Export as Cert (DER) or as Pfx, with the key."""
    kind = to_text(content).lower()
    if kind == "cert" and password is None:
        return stored.certificate.public_bytes(serialization.Encoding.DER)
    if kind not in ("pfx", "pkcs12") or password is None:
        raise NotSupportedByTwin(f"X509Certificate2.Export as {to_text(content)}, or a PFX without a password")
    if stored.key is None or not stored.exportable:
        raise method_failure("Export", 2, "Key not valid for use in specified state.\r\n", CRYPTOGRAPHIC)
    secret = password.value if isinstance(password, SecureString) else to_text(password)
    assert isinstance(stored.key, PFX_KEYS)
    return pkcs12.serialize_key_and_certificates(None, stored.key, stored.certificate, None, serialization.BestAvailableEncryption(secret.encode()))


def _crypto_error(message: str) -> PowerShellError:
    return failure(f'Exception calling ".ctor": "{message}"', exception=CRYPTOGRAPHIC, identifier="CryptographicException",
                   category="InvalidOperation")


def new_certificate(interpreter: Interpreter, data: object = b"", password: object = None, flags: object = "") -> PSObject:
    """X509Certificate2 from DER, PEM or PFX bytes."""
    content = bytes(data) if isinstance(data, (bytes, list)) else b""
    if password is None:
        try:
            loaded = x509.load_pem_x509_certificate(content) if content.startswith(b"-----") else x509.load_der_x509_certificate(content)
        except ValueError:
            raise _crypto_error("Cannot find the requested object.") from None
        return as_object(Stored(loaded))
    chosen = set(filter(None, to_text(flags).replace(" ", "").lower().split(",")))
    for flag in sorted(chosen - KEY_STORAGE):
        raise NotSupportedByTwin(f"the key storage flag {flag}")
    secret = password.value if isinstance(password, SecureString) else to_text(password)
    try:
        opened = _open_pfx(content, secret)
    except ValueError:
        raise _crypto_error("The specified network password is not correct.") from None
    opened = replace(opened, exportable="exportable" in chosen)
    if "persistkeyset" not in chosen:
        return as_object(opened)
    if "machinekeyset" not in chosen:
        raise NotSupportedByTwin("a key that is kept in the user's store (write MachineKeySet)")
    machine = interpreter.machine
    assert isinstance(machine, Machine)
    return as_object(machine.certificates.keep_key(opened))


@lru_cache(maxsize=32)
def _open_pfx(content: bytes, password: str) -> Stored:
    """Return what a PFX holds; kept, because OpenSSL tests the key's primes each time (40 ms), and a step opens the same PFX four times."""
    key, certificate, _others = pkcs12.load_key_and_certificates(content, password.encode())
    assert certificate is not None
    return Stored(certificate, key)  # type: ignore[arg-type]  # a PFX can hold any kind of key


def new_store(interpreter: Interpreter, name: object = "My", location: object = "CurrentUser") -> PSObject:
    """X509Store of the local machine."""
    if to_text(location).lower() != "localmachine":
        raise NotSupportedByTwin(f"the store location {to_text(location)}")
    machine = interpreter.machine
    assert isinstance(machine, Machine)
    store_name = to_text(name)
    store = PSObject([("Name", store_name), ("Location", "LocalMachine")], type_name=f"{NAMESPACE}.X509Store")
    opened = {"for": ""}
    store.properties["Certificates"] = lambda: [as_object(one) for one in machine.certificates.store(store_name)]

    def change(act: Callable[[Stored], object]) -> Callable[[object], None]:
        def method(certificate: object) -> None:
            if not isinstance(certificate, PSObject) or not isinstance(certificate.handle, Stored):
                raise NotSupportedByTwin("X509Store.Add or Remove of something else than one certificate")
            if opened["for"] != "readwrite":
                raise method_failure("Add", 1, "Access is denied.", CRYPTOGRAPHIC)
            act(certificate.handle)

        return method

    def add(stored: Stored) -> None:
        if stored.key is not None and not stored.key_file:
            raise NotSupportedByTwin("X509Store.Add of a certificate whose key goes with the object (write PersistKeySet)")
        machine.certificates.add(store_name, stored)

    store.methods = {
        "open": lambda flags: opened.update({"for": to_text(flags).lower()}), "close": lambda: opened.update({"for": ""}), "dispose": lambda: None,
        "add": change(add),
        "remove": change(lambda stored: machine.certificates.remove(store_name, stored.thumbprint)),
    }
    return store


dotnet_type(f"{NAMESPACE}.X509Certificate2", construct=new_certificate)
dotnet_type(f"{NAMESPACE}.X509Store", construct=new_store)


class CertificateDrive(Provider):
    r"""Cert:\LocalMachine\STORE\THUMBPRINT, and CurrentUser."""

    drive = "Cert"
    has_keys = True

    @staticmethod
    def _split(machine: object, path: str) -> tuple[Stores, str, str]:
        assert isinstance(machine, Machine)
        parts = path.split("\\")
        stores = {"localmachine": machine.certificates, "currentuser": machine.user_certificates}.get(parts[0].lower())
        if stores is None or not 2 <= len(parts) <= 3:
            raise NotSupportedByTwin(f"the path Cert:\\{path}")
        return stores, parts[1], parts[2].upper() if len(parts) == 3 else ""

    def _find(self, machine: object, path: str) -> Stored | None:
        stores, store, thumbprint = self._split(machine, path)
        return next((one for one in stores.store(store) if one.thumbprint == thumbprint), None)

    def exists(self, machine: object, path: str) -> bool:
        """Whether there is a certificate, or a store."""
        stores, store, thumbprint = self._split(machine, path)
        return self._find(machine, path) is not None if thumbprint else store.lower() in (one.lower() for one in stores.by_name)

    def item(self, machine: object, path: str) -> object:
        """A certificate."""
        stored = self._find(machine, path)
        if stored is None:
            raise complaint(f"Cannot find path 'Cert:\\{path}' because it does not exist.", category="ObjectNotFound", target=path,
                            exception="System.Management.Automation.ItemNotFoundException", identifier="PathNotFound")
        return as_object(stored)

    def children(self, machine: object, path: str) -> list[object]:
        """The certificates of a store."""
        stores, store, _ = self._split(machine, path)
        return [as_object(one) for one in stores.store(store)]

    def remove(self, machine: object, path: str, *, recurse: bool) -> None:
        """Remove a certificate; the file of its key stays."""
        self._remove(machine, path, with_key=False)

    def remove_with_key(self, machine: object, path: str) -> None:
        """Remove a certificate and the file of its key, if it has one."""
        self._remove(machine, path, with_key=True)

    def _remove(self, machine: object, path: str, *, with_key: bool) -> None:
        stores, store, thumbprint = self._split(machine, path)
        self.item(machine, path)
        stores.remove(store, thumbprint, with_key=with_key)


provider("Cert", CertificateDrive())


@native("certutil")
def certutil(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Certutil -addstore CA FILE and -delstore CA HASH: revocation lists only; certificates have their own steps."""
    assert isinstance(machine, Machine)
    words = [word for word in arguments if word.lower() != "-f"]
    lists = machine.certificates.revocation_lists
    if len(words) == 3 and words[0].lower() == "-addstore" and words[1].upper() == "CA":
        content = machine.files.get(words[2].lower())
        if content is None:
            return NativeResult(output="CertUtil: The system cannot find the file specified.\r\n", exit_code=-2147024894 & 0xFFFFFFFF)
        loaded = x509.load_der_x509_crl(content)
        lists[:] = [one for one in lists if _hash(one) != _hash(loaded)] + [loaded]
        return NativeResult(output='CA "Intermediate Certification Authorities"\r\nCertUtil: -addstore command completed successfully.\r\n')
    if len(words) == 3 and words[0].lower() == "-delstore" and words[1].upper() == "CA":
        kept = [one for one in lists if _hash(one) != words[2].lower()]
        found, lists[:] = len(kept) != len(lists), kept
        if not found:
            return NativeResult(output="CertUtil: -delstore command FAILED: 0x80090011\r\n", exit_code=0x80090011)
        return NativeResult(output="CertUtil: -delstore command completed successfully.\r\n")
    if len(words) == 2 and words[0].lower() == "-store" and words[1].upper() == "CA":
        blocks = "".join(f"================ CRL {number} ================\r\nCRL Hash(sha1): {_hash(one)}\r\n" for number, one in enumerate(lists))
        return NativeResult(output=f"CA\r\n{blocks}CertUtil: -store command completed successfully.\r\n")
    raise NotSupportedByTwin(f"certutil {' '.join(arguments)}")


def _hash(crl: x509.CertificateRevocationList) -> str:
    return crl.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - Windows' own naming
