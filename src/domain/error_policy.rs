//! What to do about each error code of the Cloud API: data, read from `assets/error_policy.csv`.
