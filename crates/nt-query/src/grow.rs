//! Asking again with more room, within limits.

use crate::{Buffer, CallError};

/// What a call answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// NTSTATUS.
    pub status: u32,
    /// Length returned: written bytes on success, needed bytes otherwise, 0 where the kernel does not say.
    pub length: usize,
}

/// How far a buffer may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the first try.
    pub first: usize,
    /// Most bytes ever.
    pub bytes: usize,
    /// Most tries.
    pub tries: u32,
}

impl Limits {
    /// Enough for every table of any system: 64 KB to begin with, at most 256 MB, 16 tries.
    pub const TABLE: Self = Self {
        first: 64 << 10,
        bytes: 256 << 20,
        tries: 16,
    };
}

/// The statuses that ask for a larger buffer: STATUS_INFO_LENGTH_MISMATCH, STATUS_BUFFER_OVERFLOW,
/// STATUS_BUFFER_TOO_SMALL.
const WANTS_MORE: [u32; 3] = [0xC000_0004, 0x8000_0005, 0xC000_0023];

/// Calls `ask` with the buffer's room until it succeeds, growing the buffer as it says it must.
///
/// The table grows between two calls, so the stated length gets an eighth and a page on top. Where the kernel states
/// no length, or one that was there already, the room is doubled. On success the buffer's length is what was
/// returned, and never more than the room.
///
/// # Errors
/// [`CallError::Status`] for any other status, [`CallError::TooLarge`] and [`CallError::Unsettled`] at the limits.
pub fn grow(
    buffer: &mut Buffer,
    limits: Limits,
    mut ask: impl FnMut(&mut [u8]) -> Answer,
) -> Result<(), CallError> {
    buffer.set_length(0);
    buffer.reserve(limits.first.min(limits.bytes));
    for _ in 0..limits.tries {
        let answer = ask(buffer.room_mut());
        if answer.status < 0x8000_0000 {
            buffer.set_length(answer.length);
            return Ok(());
        }
        if !WANTS_MORE.contains(&answer.status) {
            return Err(CallError::Status {
                status: answer.status,
            });
        }
        let room = buffer.room().len();
        if room >= limits.bytes {
            return Err(CallError::TooLarge { limit: limits.bytes });
        }
        let wanted = if answer.length > room {
            answer
                .length
                .saturating_add(answer.length / 8)
                .saturating_add(4096)
        } else {
            room.saturating_mul(2)
        };
        buffer.reserve(wanted.max(64).min(limits.bytes));
    }
    Err(CallError::Unsettled { tries: limits.tries })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISMATCH: u32 = 0xC000_0004;
    const LIMITS: Limits = Limits {
        first: 64,
        bytes: 100_000,
        tries: 8,
    };

    /// Plays a kernel that needs `needed(try)` bytes and says `says(needed)`; gives the rooms it was offered.
    fn play(
        limits: Limits,
        needed: impl Fn(usize) -> usize,
        says: impl Fn(usize) -> usize,
    ) -> (Result<usize, CallError>, Vec<usize>) {
        let mut rooms = Vec::new();
        let mut buffer = Buffer::new();
        let result = grow(&mut buffer, limits, |room| {
            let needed = needed(rooms.len());
            rooms.push(room.len());
            match room.get_mut(..needed) {
                Some(room) => {
                    room.fill(7);
                    Answer {
                        status: 0,
                        length: needed,
                    }
                }
                None => Answer {
                    status: MISMATCH,
                    length: says(needed),
                },
            }
        });
        (result.map(|()| buffer.bytes().len()), rooms)
    }

    #[test]
    fn grows_as_the_kernel_says_with_slack() {
        assert_eq!(play(LIMITS, |_| 40, |n| n), (Ok(40), vec![64]));
        let (result, rooms) = play(LIMITS, |_| 8_000, |n| n);
        assert_eq!((result, rooms), (Ok(8_000), vec![64, 8_000 + 1_000 + 4_096]));
    }

    #[test]
    fn a_table_that_grows_between_calls_is_asked_again() {
        let (result, rooms) = play(LIMITS, |n| 1_000 + n * 4_500, |n| n);
        assert_eq!((result, rooms.len()), (Ok(10_000), 3));
        let (result, _) = play(LIMITS, |n| 1_000 << (3 * n), |n| n);
        assert!(
            matches!(result, Err(CallError::TooLarge { limit: 100_000 })),
            "{result:?}"
        );
        let endless = Limits {
            bytes: usize::MAX >> 8,
            tries: 5,
            ..LIMITS
        };
        let (result, rooms) = play(endless, |n| 100 << (3 * n), |_| 0);
        assert_eq!((result, rooms.len()), (Err(CallError::Unsettled { tries: 5 }), 5));
    }

    #[test]
    fn a_stated_length_of_zero_doubles_the_room() {
        let (result, rooms) = play(LIMITS, |_| 1_000, |_| 0);
        assert_eq!((result, rooms), (Ok(1_000), vec![64, 128, 256, 512, 1024]));
    }

    #[test]
    fn the_last_try_is_at_the_limit_itself() {
        let (result, rooms) = play(LIMITS, |_| 100_000, |n| n);
        assert_eq!((result, rooms.last()), (Ok(100_000), Some(&100_000)));
        assert_eq!(
            play(LIMITS, |_| 100_001, |n| n).0,
            Err(CallError::TooLarge { limit: 100_000 })
        );
    }

    #[test]
    fn refusals_and_lies_about_the_length() {
        let mut buffer = Buffer::new();
        let refuse = grow(&mut buffer, LIMITS, |_| Answer {
            status: 0xC000_0003,
            length: 1 << 30,
        });
        assert_eq!(refuse, Err(CallError::Status { status: 0xC000_0003 }));
        grow(&mut buffer, LIMITS, |_| Answer {
            status: 0,
            length: usize::MAX,
        })
        .unwrap();
        assert_eq!(buffer.bytes().len(), 64, "no more than there is room for");
    }
}
