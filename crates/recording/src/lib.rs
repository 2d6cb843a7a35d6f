//! Recordings: the SQLite file (write, read, recover, thin out), importers and exporters.
//!
//! This crate stores counters as they were read and gives them back as a [`snapshot::History`]. It may not judge them:
//! it knows nothing of detection, owners or findings.
