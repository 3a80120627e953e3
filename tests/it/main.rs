//! The tests that look at wacast from outside: one binary, one module a theme.
mod console_fixtures;
mod console_keys;
mod console_screens;
