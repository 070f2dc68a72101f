"""Customers, assets, identities and presence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, literal_column, select

from storage.codec import decoder, encode, haystack, key_of, place_of
from storage.database import Insert, Sql
from storage.schema import assets, customers, dialogues, identities, presence
from storage.scope import Scope
from workflow.company import Asset, Customer, Identity, Presence

decode_customer = decoder(Customer)
decode_asset = decoder(Asset)
decode_identity = decoder(Identity)
decode_presence = decoder(Presence)


def doc_where(table: Table, *names: str, limit: int = 0) -> Sql:
    """The documents of one tenant in which these columns have the values given."""
    query = select(table.c.doc).where(
        table.c.tenant == bindparam("tenant"), *(table.c[n] == bindparam(n) for n in names)
    )
    for column in table.primary_key.columns[1:]:
        query = query.order_by(column)
    return Sql(query.limit(literal_column(str(limit))) if limit else query)


def put_doc(table: Table) -> Sql:
    """Insert a row, or replace the one with the same key."""
    keys = [c.name for c in table.primary_key.columns]
    rest = [c.name for c in table.columns if c.name not in keys]

    def build(insert: Insert) -> Any:
        row = insert(table).values({c.name: bindparam(c.name) for c in table.columns})
        return row.on_conflict_do_update(
            index_elements=keys, set_={name: row.excluded[name] for name in rest}
        )

    return Sql(build)


_CUSTOMER = doc_where(customers, "id")
_CUSTOMERS_BY_PHONE = doc_where(customers, "phone", limit=20)
_ASSET = doc_where(assets, "id")
_ASSET_BY_SERIAL = doc_where(assets, "serial", limit=1)
_ASSET_BY_TOKEN = doc_where(assets, "token", limit=1)
_ASSETS_AT = doc_where(assets, "place_key", limit=50)
_IDENTITY = doc_where(identities, "channel", "user")
_PRESENCE = doc_where(presence)
_PUT_CUSTOMER = put_doc(customers)
_PUT_ASSET = put_doc(assets)
_PUT_IDENTITY = put_doc(identities)
_PUT_PRESENCE = put_doc(presence)
PUT_DIALOGUE = put_doc(dialogues)


class SqlPeople:
    """Implements ``workflow.ports.People``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sql = scope.session

    def _doc(self, sql: Sql, **params: str) -> str | None:
        row = self._sql.first(sql, tenant=self._scope.tenant, **params)
        return None if row is None else row[0]

    def customer(self, customer_id: str) -> Customer | None:
        doc = self._doc(_CUSTOMER, id=customer_id)
        return None if doc is None else decode_customer(doc)

    def customer_by_phone(self, phone: str) -> Customer | None:
        if not phone:
            return None
        rows = self._sql.rows(_CUSTOMERS_BY_PHONE, tenant=self._scope.tenant, phone=phone)
        found = [decode_customer(row[0]) for row in rows]
        return min(found, key=lambda one: (bool(one.now), one.phone_told), default=None)

    def put_customer(self, customer: Customer) -> None:
        self._sql.change(
            _PUT_CUSTOMER,
            tenant=self._scope.tenant,
            id=customer.id,
            name=customer.name,
            phone=customer.phone,
            haystack=haystack(customer.id, customer.name, customer.phone, customer.site.name),
            doc=encode(customer),
        )
        self._scope.touch("people")

    def _asset(self, sql: Sql, **params: str) -> Asset | None:
        doc = self._doc(sql, **params) if all(params.values()) else None
        return None if doc is None else decode_asset(doc)

    def asset(self, asset_id: str) -> Asset | None:
        return self._asset(_ASSET, id=asset_id)

    def asset_by_serial(self, serial: str) -> Asset | None:
        return self._asset(_ASSET_BY_SERIAL, serial=key_of(serial))

    def asset_by_token(self, token: str) -> Asset | None:
        return self._asset(_ASSET_BY_TOKEN, token=token)

    def assets_at(self, place: str) -> Sequence[Asset]:
        key = place_of(place)
        if not key:
            return []
        rows = self._sql.rows(_ASSETS_AT, tenant=self._scope.tenant, place_key=key)
        return [decode_asset(row[0]) for row in rows]

    def put_asset(self, asset: Asset) -> None:
        self._sql.change(
            _PUT_ASSET,
            tenant=self._scope.tenant,
            id=asset.id,
            name=asset.name,
            serial=key_of(asset.serial),
            token=asset.token,
            customer_id=asset.customer_id or "",
            place_key=place_of(asset.site.name),
            haystack=haystack(asset.id, asset.name, asset.serial, asset.model, asset.site.name),
            doc=encode(asset),
        )
        self._scope.touch("people")

    def identity(self, channel: str, user: str) -> Identity | None:
        doc = self._doc(_IDENTITY, channel=channel, user=user)
        return None if doc is None else decode_identity(doc)

    def put_identity(self, identity: Identity) -> None:
        self._sql.change(
            _PUT_IDENTITY,
            tenant=self._scope.tenant,
            channel=identity.channel,
            user=identity.user,
            doc=encode(identity),
        )
        self._scope.touch("people")

    def presence(self) -> Mapping[str, Presence]:
        rows = self._sql.rows(_PRESENCE, tenant=self._scope.tenant)
        said = [decode_presence(row[0]) for row in rows]
        return {p.staff_id: p for p in said}

    def put_presence(self, presence: Presence) -> None:
        self._sql.change(
            _PUT_PRESENCE,
            tenant=self._scope.tenant,
            staff_id=presence.staff_id,
            doc=encode(presence),
        )
        self._scope.touch("people")
