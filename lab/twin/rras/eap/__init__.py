"""EAP as RemoteAccess has it: the policy engine, and the program in place of eapahost.dll that it calls. charon asks it by RADIUS.

`service` is what the engine knows. `front` is the RADIUS server on loopback, `messages` its octets; `conversations` carries an attempt from the
identity to the verdict, `policy_engine` decides, `activation` says which process answers, with which `papers`, and `program` is its eleven verbs.
"""
