"""What can be played on DAT's side of the sandbox, as data; `sandbox.py` does it."""

from __future__ import annotations

from wtpd.connectors.kit.sandbox_side import Act, Argument
from wtpd.texts import N_

ACTS = (
    Act(
        name="customer",
        help=N_("make a login known, or give it another password"),
        arguments=(
            Argument(name="customer_number", help=N_("customer number"), required=True),
            Argument(name="user_name", help=N_("user name"), required=True),
            Argument(name="password", help=N_("password"), required=True),
            Argument(name="interface_partner_number", help=N_("interface partner number, if it has one of its own")),
            Argument(name="interface_partner_signature", help=N_("signature that DAT mailed for that number")),
            Argument(name="products", help=N_("products that it has a licence for, with commas; without it all")),
        ),
    ),
    Act(
        name="vehicle",
        help=N_("say what a VIN is answered"),
        arguments=(
            Argument(name="vin", help=N_("chassis number"), required=True),
            Argument(name="manufacturer", help=N_("manufacturer")),
            Argument(name="model", help=N_("model")),
            Argument(name="sub_model", help=N_("sub-model")),
            Argument(name="count", help=N_("how many vehicles it may be; one if nothing is said"), kind="int"),
            Argument(name="rich", help=N_("with as much equipment as DAT's own example has"), kind="flag"),
            Argument(name="empty", help=N_("a fault without any data instead"), kind="flag"),
            Argument(name="unreadable", help=N_("an answer that can't be read instead"), kind="flag"),
            Argument(name="card", help=N_("no complete code: a data card within a fault"), kind="flag"),
            Argument(name="fault", help=N_("a fault with this code instead")),
        ),
    ),
)
