from triops.testing.contract_records import RecordsContract


class TestSqliteRecords(RecordsContract):
    adapter = "triops.adapters.embedded.records:SqliteRecords"
