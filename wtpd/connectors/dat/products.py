"""DAT's products. Each has its own services, its own authentication among them, at its own place (source: DAT
Developers Guide).

Which one the dealership may use is in its contract with DAT. `connectors.dat.address` says it by ending in the
product's folder; an address without one means `DATECODE`.
"""

from __future__ import annotations

from dataclasses import dataclass

ADDRESS = "https://www.datgroup.com"


@dataclass(frozen=True, slots=True)
class Product:
    """`folder`: where its services are; `variant`: what it wants to be told besides, if anything."""

    name: str
    folder: str
    authentication: str = "Authentication"
    variant: str | None = None

    def path(self, service: str) -> str:
        return f"{self.folder}/{service}"


DATECODE = Product("DAT €uropa-Code", "/DATECodeSelection/services")
FINANCE = Product("SilverDAT 3 valuateFinance", "/FinanceLine/soap")

PRODUCTS = (
    DATECODE,
    FINANCE,
    Product("SilverDAT calculatePro", "/VehicleRepairOnline/services"),
    Product("SilverDAT 3 valuateExpert", "/valuateNG/soap", variant="valuateNG.expert"),
    Product("SilverDAT 3 PRO", "/myClaim/soap/v2", "MyClaimExternalAuthenticationService", variant="DAT"),
)


def split(address: str) -> tuple[str, Product]:
    """The address without the product's folder, and the product that VIN queries go to."""
    bare = address.rstrip("/")
    for product in PRODUCTS:
        if bare.endswith(product.folder):
            return bare.removesuffix(product.folder), product
    return bare, DATECODE
