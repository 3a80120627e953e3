//! The tests that look at wacast from outside: one binary, one module a theme.

mod mongo_store;
mod mongod;
mod store_contract;
mod store_sqlite;
