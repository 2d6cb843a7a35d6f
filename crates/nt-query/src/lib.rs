//! The one room with `unsafe`: calls Windows and returns bytes or plain facts.
//!
//! It does not know what the bytes mean (`nt-abi` does) and it decides nothing. On other systems only the pure
//! parts (the capped grow-and-retry loop) exist, so that they are tested there.
