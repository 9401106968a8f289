"""EAP peers (RFC 3748): the client's side of the methods that Windows offers and a Mac knows. Sans-IO, as the package above."""
