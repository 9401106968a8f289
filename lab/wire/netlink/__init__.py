"""rtnetlink and XFRM netlink, as much as the lab needs, in pure Python (RFC 3549; linux/rtnetlink.h, linux/xfrm.h).

Why not pyroute2: its import costs over a second inside the guest, more than everything else that a resident process imports.
`message` packs and sends, `links`, `addresses`, `routes`, `neighbours`, `xfrm` are the subjects. A `Netlink` object belongs to
the network namespace in which it was made, whichever namespace its process is in later.
"""

from lab.wire.netlink.message import Netlink, NetlinkError

__all__ = ["Netlink", "NetlinkError"]
