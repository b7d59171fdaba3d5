"""DAT's products. Each has its own services, its own authentication among them, at its own place (source: DAT
Developers Guide, "generateToken" and the tables of products of each operation).

Which ones the dealership may use is in its contract with DAT. `connectors.dat.products` in wtpd.yaml names the one
that identifies vehicles and the one that values them: `valuateExpert`, or `silverDatPro:VARIANT` for a network with a
product variant of its own. An address that ends in a product's folder names the product for identifications, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

ADDRESS = "https://www.datgroup.com"


@dataclass(frozen=True, slots=True)
class Product:
    """A product: `key` in the settings, `folder` of its services, and `variant`, which some products require in the
    request for a token and in the header of each call."""

    key: str
    name: str
    folder: str
    authentication: str = "Authentication"
    variant: str | None = None

    def path(self, service: str) -> str:
        return f"{self.folder}/{service}"


_REPAIR = "/VehicleRepairOnline/services"
_VALUATE = "/valuateNG/soap"

DATECODE = Product("dateCode", "DAT €uropa-Code", "/DATECodeSelection/services")
FINANCE = Product("valuateFinance", "SilverDAT 3 valuateFinance", "/FinanceLine/soap")

PRODUCTS = (
    DATECODE,
    FINANCE,
    Product("calculatePro", "SilverDAT calculatePro", _REPAIR),
    Product("calculateExpert", "SilverDAT calculateExpert", _REPAIR, variant="calculateExpert"),
    Product("valuateExpert", "SilverDAT 3 valuateExpert", _VALUATE, variant="valuateNG.expert"),
    Product(
        "valuateExpertPlusPartner", "SilverDAT 3 valuateExpertPlusPartner", _VALUATE,
        variant="valuateNG.expertPlusPartner",
    ),
    Product("silverDatPro", "SilverDAT 3 PRO", "/myClaim/soap/v2", "MyClaimExternalAuthenticationService", "DAT"),
)  # fmt: skip
"""The first one with a folder is the one that an address with that folder means."""

KEYS = tuple(product.key for product in PRODUCTS)


def split(address: str) -> tuple[str, Product | None]:
    """The address without the product's folder, and the product that the folder belongs to."""
    bare = address.rstrip("/")
    for product in PRODUCTS:
        if bare.endswith(product.folder):
            return bare.removesuffix(product.folder), product
    return bare, None


def named(setting: str) -> Product:
    """The product of a setting such as `valuateExpert` or `silverDatPro:VARIANT`. Raises `ValueError`."""
    key, _, variant = setting.partition(":")
    for product in PRODUCTS:
        if product.key == key:
            return replace(product, variant=variant) if variant else product
    raise ValueError(f"DAT has no product {key}")
