"""Large campaigns while their pages are written; every public method is one transaction."""

from sqlalchemy import Connection, text

from campaign.credits import CreditKind, Price
from campaign.events import Destination
from campaign.instants import Instant
from campaign.model import ComposedCampaign, Duplicates
from campaign.preparation import Cursor, Preparation, draft_from_json
from campaign.refusals import Refusal
from store.campaigns import links
from store.campaigns import preparation_statements as sql
from store.campaigns.admission import insufficient
from store.campaigns.rows import insert_messages
from store.database.engine import Database, json_rows
from store.database.statistics import analyze_messages
from store.shared import reply_rows
from store.shared.erased_numbers import ErasedNumbers
from store.shared.outbox import Outbox
from store.shared.prices import price_of


class Preparations:
    """The :class:`campaign.preparation.PreparationStore` of both databases."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        erased_numbers: ErasedNumbers,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._erased_numbers = erased_numbers
        self._skip_erased = text(sql.SKIP_ERASED.format(rowset=database.rowset("recipient TEXT")))

    def get(self, campaign_id: str) -> Preparation | None:
        """See :class:`campaign.preparation.PreparationStore`."""
        row = self._database.read(
            lambda connection: connection.execute(sql.GET, {"campaign": campaign_id}).first()
        )
        if row is None:
            return None
        return Preparation(
            account_id=row.account_id,
            draft=draft_from_json(row.draft),
            received_at=row.created_at,
            expected=row.expected_total,
            written=row.total,
            cancelled=row.ordered == "cancel",
            cursor=Cursor(row.entry, row.after_number),
            validated=row.validated,
            to_send=row.to_send,
            price=price_of(row),
        )

    def write_page(
        self, campaign_id: str, at: Preparation, composed: ComposedCampaign, following: Cursor
    ) -> bool:
        """See :class:`campaign.preparation.PreparationStore`."""
        count = len(composed.messages)
        values = {
            "campaign": campaign_id,
            "account": at.account_id,
            "low": at.written,
            "high": at.written + count,
            "now": composed.received_at,
            "count": count,
        }
        cursor = {
            **values,
            "from_entry": at.cursor.entry,
            "from_number": at.cursor.after,
            "entry": following.entry,
            "number": following.after,
        }

        def work(connection: Connection) -> bool:
            # A cancellation and a refusal lock the campaign as well.
            if connection.execute(sql.COUNT_PAGE, values).rowcount == 0:
                return False
            connection.execute(sql.MOVE_CURSOR, cursor)
            insert_messages(self._database, connection, composed, campaign_id)
            reply_rows.write_options(connection, composed)
            links.write(connection, composed, campaign_id)
            # A list has each number once.
            if len(at.draft.recipients) > 1 and at.draft.policy.duplicates is Duplicates.SKIP:
                connection.execute(sql.SKIP_REPEATS, values)
            if at.draft.exclude_opt_outs:
                connection.execute(sql.SKIP_OPTED_OUT, values)
                self._skip_erased_numbers(connection, values)
            return True

        written = self._database.write(work)
        analyze_messages(self._database, count)
        return written

    def _skip_erased_numbers(self, connection: Connection, values: dict[str, object]) -> None:
        account_id = str(values["account"])
        if not self._erased_numbers.has_any(connection, account_id):
            return
        waiting = connection.execute(sql.RECIPIENTS_WAITING, values).scalars().all()
        erased = self._erased_numbers.among(connection, account_id, waiting)
        if erased:
            rows = json_rows([{"recipient": number} for number in sorted(erased)])
            connection.execute(self._skip_erased, {**values, "rows": rows})

    def lacking(self, campaign_id: str, price: Price) -> Refusal | None:
        """See :class:`campaign.preparation.PreparationStore`."""
        available = self._database.read(
            lambda connection: connection.execute(sql.AVAILABLE, {"campaign": campaign_id}).all()
        )
        for row in available:
            if not row.sandbox and row.available < price.of(CreditKind(row.kind)):
                return insufficient(CreditKind(row.kind))
        return None

    def set_validated(self, campaign_id: str, at: Preparation, to_send: int, price: Price) -> None:
        """See :class:`campaign.preparation.PreparationStore`."""
        values = {
            "campaign": campaign_id,
            "validated_before": at.validated,
            "validated": at.written,
            "to_send": to_send,
            "sms": price.sms,
            "mms": price.mms,
        }
        self._database.write(lambda connection: connection.execute(sql.SET_VALIDATED, values))

    def finish(self, campaign_id: str, now: Instant) -> None:
        """See :class:`campaign.preparation.PreparationStore`."""
        values = {"campaign": campaign_id, "now": now}

        def work(connection: Connection) -> None:
            if connection.execute(sql.FINISH, values).rowcount:
                connection.execute(sql.GIVE_UP, values)
                destinations.extend(
                    self._outbox.record_unsendable_messages(connection, campaign_id, now)
                )

        destinations: list[Destination] = []
        self._database.write(work)
        self._outbox.notify(destinations)

    def give_up(self, campaign_id: str) -> None:
        """See :class:`campaign.preparation.PreparationStore`."""
        values = {"campaign": campaign_id}
        self._database.write(lambda connection: connection.execute(sql.GIVE_UP, values))
