//! ARM64 instructions to operations, decoded by yaxpeax-arm.

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{
    InstDecoder, Instruction, Opcode, Operand, SIMDSizeCode, ShiftStyle, SizeCode,
};

use crate::ir::{BinOp, Cond, Mem, NONE, Op, Reg, SP, Src, TMP, TMP2, UnOp, VEC};

/// Lifts instructions of one image.
#[derive(Debug)]
pub(crate) struct Arm64 {
    pub(crate) base: u64,
}

/// A memory operand with its update of the base register.
struct Access {
    mem: Mem,
    /// Added to the base register before (`true`) or after the access.
    update: Option<(bool, i64)>,
}

const fn width(size: SizeCode) -> u8 {
    match size {
        SizeCode::X => 8,
        SizeCode::W => 4,
    }
}

/// A register operand that may be written: number and size. The zero register becomes a scratch register.
pub(crate) fn dst(operand: Operand) -> Option<(Reg, u8)> {
    match operand {
        Operand::Register(size, 31) => Some((TMP2, width(size))),
        Operand::Register(size, number) | Operand::RegisterOrSP(size, number) => {
            Some((Reg::try_from(number).ok()?, width(size)))
        }
        _ => None,
    }
}

pub(crate) fn vector(number: u16) -> Option<Reg> {
    (number < 8).then(|| VEC + (number as Reg) * 2)
}

/// A source operand; shifts put their operation into `out`.
pub(crate) fn src(operand: Operand, size: u8, out: &mut Vec<Op>) -> Src {
    match operand {
        Operand::Register(_, 31) => Src::Imm(0),
        Operand::Register(_, number) | Operand::RegisterOrSP(_, number) => Src::Reg(number as Reg),
        Operand::Immediate(value) => Src::Imm(u64::from(value)),
        Operand::Imm16(value) => Src::Imm(u64::from(value)),
        Operand::Imm64(value) => Src::Imm(value),
        Operand::ImmShift(value, shift) => Src::Imm(u64::from(value).wrapping_shl(u32::from(shift))),
        Operand::RegShift(_, _, _, 31) => Src::Imm(0),
        Operand::RegShift(style, amount, from, number) => {
            let register = Src::Reg(number as Reg);
            let (from, signed) = match style {
                ShiftStyle::UXTB => (1, false),
                ShiftStyle::UXTH => (2, false),
                ShiftStyle::SXTB => (1, true),
                ShiftStyle::SXTH => (2, true),
                ShiftStyle::SXTW => (4, true),
                _ => (width(from), false),
            };
            let op = match style {
                ShiftStyle::LSR => BinOp::Shr,
                ShiftStyle::ASR => BinOp::Sar,
                ShiftStyle::ROR => BinOp::Ror,
                _ => BinOp::Shl,
            };
            if amount == 0 && from == size {
                return register;
            }
            if from < size || signed {
                out.push(Op::Extend {
                    dst: TMP,
                    size,
                    from,
                    signed,
                    src: register,
                });
            } else {
                out.push(Op::Mov {
                    dst: TMP,
                    size,
                    src: register,
                });
            }
            if amount != 0 {
                let b = Src::Imm(u64::from(amount));
                out.push(Op::Bin {
                    op,
                    dst: TMP,
                    size,
                    a: Src::Reg(TMP),
                    b,
                });
            }
            Src::Reg(TMP)
        }
        _ => Src::Reg(NONE),
    }
}

impl Arm64 {
    /// Decodes at `rva`, appends the operations, and returns the instruction's length; `None` for words that are none.
    pub(crate) fn lift(&self, bytes: &[u8], rva: u32, out: &mut Vec<Op>) -> Option<u32> {
        let word: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        if u32::from_le_bytes(word) == 0 {
            return None;
        }
        let mut reader = U8Reader::new(&word);
        match InstDecoder::default().decode(&mut reader) {
            Ok(instruction) => self.translate(&instruction, rva, out),
            // Words the library does not know (newer extensions) are taken to write their first register.
            Err(_) => out.push(Op::Clobber { dst: word[0] & 31 }),
        }
        Some(4)
    }

    fn address(&self, rva: u32) -> u64 {
        self.base.wrapping_add(u64::from(rva))
    }

    fn access(operand: Operand, size: u8, out: &mut Vec<Op>) -> Option<Access> {
        match operand {
            Operand::RegPreIndex(base, offset, write_back) => {
                let (base, offset) = (base as Reg, i64::from(offset));
                if write_back {
                    Some(Access {
                        mem: Mem::at(base, 0, size),
                        update: Some((true, offset)),
                    })
                } else {
                    Some(Access {
                        mem: Mem::at(base, offset, size),
                        update: None,
                    })
                }
            }
            Operand::RegPostIndex(base, offset) => Some(Access {
                mem: Mem::at(base as Reg, 0, size),
                update: Some((false, i64::from(offset))),
            }),
            Operand::RegRegOffset(base, index, from, style, shift) => {
                let mut mem = Mem::at(base as Reg, 0, size);
                if index == 31 {
                    return Some(Access { mem, update: None });
                }
                let mut register = index as Reg;
                if matches!(style, ShiftStyle::SXTW) {
                    out.push(Op::Extend {
                        dst: TMP2,
                        size: 8,
                        from: 4,
                        signed: true,
                        src: Src::Reg(register),
                    });
                    register = TMP2;
                } else if matches!(from, SizeCode::W) {
                    out.push(Op::Extend {
                        dst: TMP2,
                        size: 8,
                        from: 4,
                        signed: false,
                        src: Src::Reg(register),
                    });
                    register = TMP2;
                }
                mem.index = register;
                mem.scale = 1u8.checked_shl(u32::from(shift)).unwrap_or(1);
                Some(Access { mem, update: None })
            }
            _ => None,
        }
    }

    fn before(access: &Access, out: &mut Vec<Op>) {
        if let Some((true, offset)) = access.update {
            Self::bump(access.mem.base, offset, out);
        }
    }

    fn after(access: &Access, out: &mut Vec<Op>) {
        if let Some((false, offset)) = access.update {
            Self::bump(access.mem.base, offset, out);
        }
    }

    fn bump(base: Reg, offset: i64, out: &mut Vec<Op>) {
        let b = Src::Imm(offset as u64);
        out.push(Op::Bin {
            op: BinOp::Add,
            dst: base,
            size: 8,
            a: Src::Reg(base),
            b,
        });
    }

    /// Loads `count` registers that follow each other in memory.
    fn load(
        &self,
        i: &Instruction,
        count: usize,
        from: Option<u8>,
        signed: bool,
        rva: u32,
        out: &mut Vec<Op>,
    ) {
        let [first, second, third, _] = i.operands;
        let memory = if count == 2 { third } else { second };
        let targets = [first, second];
        let size = from.unwrap_or_else(|| operand_size(first));
        if let Operand::PCOffset(offset) = memory {
            let disp = self.address(rva).wrapping_add(offset as u64) as i64;
            let access = Access {
                mem: Mem::at(NONE, disp, size.min(8)),
                update: None,
            };
            return Self::load_one(first, &access.mem, size, signed, out);
        }
        let Some(access) = Self::access(memory, size.min(8), out) else {
            return targets
                .iter()
                .take(count)
                .for_each(|&target| clobber(target, out));
        };
        Self::before(&access, out);
        let mut mem = access.mem;
        let base_saved = count == 2 && dst(first).is_some_and(|(register, _)| register == mem.base);
        if base_saved {
            out.push(Op::Mov {
                dst: TMP2,
                size: 8,
                src: Src::Reg(mem.base),
            });
            mem.base = TMP2;
        }
        for &target in targets.iter().take(count) {
            Self::load_one(target, &mem, size, signed, out);
            mem.disp = mem.disp.wrapping_add(i64::from(size));
        }
        Self::after(&access, out);
    }

    fn load_one(target: Operand, mem: &Mem, size: u8, signed: bool, out: &mut Vec<Op>) {
        if let Operand::SIMDRegister(_, number) = target {
            let Some(low) = vector(number) else { return };
            out.push(Op::Mov {
                dst: low,
                size: size.min(8),
                src: Src::Mem(*mem),
            });
            let high = if size == 16 {
                Src::Mem(Mem {
                    disp: mem.disp.wrapping_add(8),
                    ..*mem
                })
            } else {
                Src::Imm(0)
            };
            out.push(Op::Mov {
                dst: low + 1,
                size: 8,
                src: high,
            });
        } else if let Some((register, wide)) = dst(target) {
            if signed {
                out.push(Op::Extend {
                    dst: register,
                    size: wide,
                    from: size,
                    signed,
                    src: Src::Mem(*mem),
                });
            } else {
                out.push(Op::Mov {
                    dst: register,
                    size,
                    src: Src::Mem(*mem),
                });
            }
        }
    }

    fn store(&self, i: &Instruction, count: usize, narrow: Option<u8>, out: &mut Vec<Op>) {
        let [first, second, third, _] = i.operands;
        let memory = if count == 2 { third } else { second };
        let size = narrow.unwrap_or_else(|| operand_size(first));
        let Some(access) = Self::access(memory, size.min(8), out) else {
            return;
        };
        Self::before(&access, out);
        let mut mem = access.mem;
        for source in [first, second].into_iter().take(count) {
            if let Operand::SIMDRegister(_, number) = source {
                let low = vector(number);
                out.push(Op::Store {
                    mem,
                    src: Src::Reg(low.unwrap_or(NONE)),
                });
                if size == 16 {
                    let upper = Mem {
                        disp: mem.disp.wrapping_add(8),
                        ..mem
                    };
                    out.push(Op::Store {
                        mem: upper,
                        src: Src::Reg(low.map_or(NONE, |low| low + 1)),
                    });
                }
            } else {
                let value = src(source, size, out);
                out.push(Op::Store { mem, src: value });
            }
            mem.disp = mem.disp.wrapping_add(i64::from(size));
        }
        Self::after(&access, out);
    }

    fn bin(op: BinOp, invert: bool, flags: bool, i: &Instruction, out: &mut Vec<Op>) {
        let [target, first, second, _] = i.operands;
        let Some((register, size)) = dst(target) else {
            return clobber(target, out);
        };
        let a = src(first, size, out);
        let mut b = src(second, size, out);
        if invert {
            out.push(Op::Un {
                op: UnOp::Not,
                dst: TMP,
                size,
                a: b,
            });
            b = Src::Reg(TMP);
        }
        if flags && register == TMP2 && matches!(op, BinOp::Sub | BinOp::And) {
            return out.push(Op::Cmp {
                size,
                a,
                b,
                test: op == BinOp::And,
            });
        }
        let compares = flags && op == BinOp::Sub;
        if compares {
            out.push(Op::Cmp {
                size,
                a,
                b,
                test: false,
            });
        }
        match (op, a, b) {
            (BinOp::Or, Src::Imm(0), other) | (BinOp::Add, other, Src::Imm(0)) => {
                out.push(Op::Mov {
                    dst: register,
                    size,
                    src: other,
                });
            }
            _ => out.push(Op::Bin {
                op,
                dst: register,
                size,
                a,
                b,
            }),
        }
        if flags && !compares {
            out.push(Op::Cmp {
                size,
                a: Src::Reg(register),
                b: Src::Imm(0),
                test: true,
            });
        }
    }

    fn select(i: &Instruction, out: &mut Vec<Op>) {
        let [target, first, second, Operand::ConditionCode(code)] = i.operands else {
            return clobber(i.operands[0], out);
        };
        let Some((register, size)) = dst(target) else {
            return;
        };
        let a = src(first, size, out);
        let mut b = src(second, size, out);
        match i.opcode {
            Opcode::CSINC => {
                out.push(Op::Bin {
                    op: BinOp::Add,
                    dst: TMP,
                    size,
                    a: b,
                    b: Src::Imm(1),
                });
                b = Src::Reg(TMP);
            }
            Opcode::CSINV | Opcode::CSNEG => {
                let op = if i.opcode == Opcode::CSINV {
                    UnOp::Not
                } else {
                    UnOp::Neg
                };
                out.push(Op::Un {
                    op,
                    dst: TMP,
                    size,
                    a: b,
                });
                b = Src::Reg(TMP);
            }
            _ => {}
        }
        out.push(Op::Select {
            dst: register,
            size,
            cond: condition(code),
            a,
            b,
        });
    }

    fn multiply(i: &Instruction, out: &mut Vec<Op>) {
        let [target, first, second, third] = i.operands;
        let Some((register, size)) = dst(target) else {
            return;
        };
        let (a, b) = (src(first, size, out), src(second, size, out));
        if i.opcode != Opcode::MADD && i.opcode != Opcode::UMADDL {
            return out.push(Op::Clobber { dst: register });
        }
        out.push(Op::Bin {
            op: BinOp::Mul,
            dst: TMP2,
            size,
            a,
            b,
        });
        let c = src(third, size, out);
        out.push(Op::Bin {
            op: BinOp::Add,
            dst: register,
            size,
            a: Src::Reg(TMP2),
            b: c,
        });
    }

    fn target(i: &Instruction, rva: u32) -> u32 {
        i.operands
            .iter()
            .find_map(|operand| match operand {
                Operand::PCOffset(offset) => Some(rva.wrapping_add(*offset as u32)),
                _ => None,
            })
            .unwrap_or(u32::MAX)
    }

    fn translate(&self, i: &Instruction, rva: u32, out: &mut Vec<Op>) {
        use Opcode as O;
        let [first, second, third, _] = i.operands;
        match i.opcode {
            O::MOVZ | O::MOVN => {
                let Some((register, size)) = dst(first) else {
                    return;
                };
                let value = match src(second, size, out) {
                    Src::Imm(value) if i.opcode == O::MOVN => Src::Imm(!value),
                    other => other,
                };
                out.push(Op::Mov {
                    dst: register,
                    size,
                    src: value,
                });
            }
            O::MOVK => {
                let (Some((register, size)), Operand::ImmShift(value, shift)) = (dst(first), second) else {
                    return clobber(first, out);
                };
                out.push(Op::Insert {
                    dst: register,
                    size: 2,
                    shift,
                    src: Src::Imm(u64::from(value)),
                });
                let _ = size;
            }
            O::ADR | O::ADRP => {
                let (Some((register, _)), Operand::PCOffset(offset)) = (dst(first), second) else {
                    return clobber(first, out);
                };
                let from = if i.opcode == O::ADRP {
                    self.address(rva) & !0xfff
                } else {
                    self.address(rva)
                };
                let value = Src::Imm(from.wrapping_add(offset as u64));
                out.push(Op::Mov {
                    dst: register,
                    size: 8,
                    src: value,
                });
            }
            O::ADD => Self::bin(BinOp::Add, false, false, i, out),
            O::ADDS => Self::bin(BinOp::Add, false, true, i, out),
            O::SUB => Self::bin(BinOp::Sub, false, false, i, out),
            O::SUBS => Self::bin(BinOp::Sub, false, true, i, out),
            O::AND => Self::bin(BinOp::And, false, false, i, out),
            O::ANDS => Self::bin(BinOp::And, false, true, i, out),
            O::ORR if matches!(first, Operand::SIMDRegisterElements(..)) => Self::vector_copy(i, out),
            O::ORR => Self::bin(BinOp::Or, false, false, i, out),
            O::EOR => Self::bin(BinOp::Xor, false, false, i, out),
            O::BIC => Self::bin(BinOp::And, true, false, i, out),
            O::ORN => Self::bin(BinOp::Or, true, false, i, out),
            O::EON => Self::bin(BinOp::Xor, true, false, i, out),
            O::LSLV => Self::bin(BinOp::Shl, false, false, i, out),
            O::LSRV => Self::bin(BinOp::Shr, false, false, i, out),
            O::ASRV => Self::bin(BinOp::Sar, false, false, i, out),
            O::RORV => Self::bin(BinOp::Ror, false, false, i, out),
            O::UDIV => Self::bin(BinOp::Div, false, false, i, out),
            O::UBFM => Self::bitfield(i, false, out),
            O::SBFM => Self::bitfield(i, true, out),
            O::BFM => Self::insert_field(i, out),
            O::EXTR if second == third => {
                let (Some((register, size)), Operand::Immediate(by)) = (dst(first), i.operands[3]) else {
                    return;
                };
                let a = src(second, size, out);
                out.push(Op::Bin {
                    op: BinOp::Ror,
                    dst: register,
                    size,
                    a,
                    b: Src::Imm(u64::from(by)),
                });
            }
            O::REV => {
                let Some((register, size)) = dst(first) else {
                    return;
                };
                let a = src(second, size, out);
                out.push(Op::Un {
                    op: UnOp::Bswap,
                    dst: register,
                    size,
                    a,
                });
            }
            O::MADD | O::UMADDL | O::MSUB | O::SMADDL => Self::multiply(i, out),
            O::CSEL | O::CSINC | O::CSINV | O::CSNEG => Self::select(i, out),
            O::CCMP | O::CCMN => out.push(Op::FlagsLost),
            O::LDR | O::LDUR | O::LDTR | O::LDAR | O::LDXR | O::LDAXR => {
                self.load(i, 1, None, false, rva, out)
            }
            O::LDRB | O::LDURB | O::LDARB => self.load(i, 1, Some(1), false, rva, out),
            O::LDRH | O::LDURH | O::LDARH => self.load(i, 1, Some(2), false, rva, out),
            O::LDRSB | O::LDURSB => self.load(i, 1, Some(1), true, rva, out),
            O::LDRSH | O::LDURSH => self.load(i, 1, Some(2), true, rva, out),
            O::LDRSW | O::LDURSW => self.load(i, 1, Some(4), true, rva, out),
            O::LDP | O::LDNP => self.load(i, 2, None, false, rva, out),
            O::LDPSW => self.load(i, 2, Some(4), true, rva, out),
            O::STR | O::STUR | O::STTR | O::STLR => self.store(i, 1, None, out),
            O::STRB | O::STURB | O::STLRB => self.store(i, 1, Some(1), out),
            O::STRH | O::STURH | O::STLRH => self.store(i, 1, Some(2), out),
            O::STP | O::STNP => self.store(i, 2, None, out),
            O::B => out.push(Op::Jump {
                to: Self::target(i, rva),
            }),
            O::Bcc(code) => out.push(Op::JumpIf {
                cond: condition(code),
                to: Self::target(i, rva),
            }),
            O::CBZ | O::CBNZ => {
                let Some((reg, size)) = dst(first) else { return };
                out.push(Op::JumpZero {
                    reg,
                    size,
                    zero: i.opcode == O::CBZ,
                    to: Self::target(i, rva),
                });
            }
            O::TBZ | O::TBNZ => {
                let Operand::Imm16(bit) = second else { return };
                let tested = src(first, 8, out);
                out.push(Op::Bin {
                    op: BinOp::And,
                    dst: TMP,
                    size: 8,
                    a: tested,
                    b: Src::Imm(1u64.wrapping_shl(u32::from(bit))),
                });
                out.push(Op::JumpZero {
                    reg: TMP,
                    size: 8,
                    zero: i.opcode == O::TBZ,
                    to: Self::target(i, rva),
                });
            }
            O::BL => out.push(Op::Call {
                to: Self::target(i, rva),
            }),
            O::BR | O::BLR => {
                let source = src(first, 8, out);
                out.push(if i.opcode == O::BR {
                    Op::JumpInd { src: source }
                } else {
                    Op::CallInd { src: source }
                });
            }
            O::RET => out.push(Op::Ret { pop: 0 }),
            O::BRK | O::UDF | O::HLT | O::ERET => out.push(Op::Stop),
            O::MOVI | O::FMOV | O::INS | O::DUP | O::UMOV => Self::vector_other(i, out),
            _ => {
                clobber(first, out);
                if matches!(i.opcode, O::CAS(_) | O::SWP(_) | O::LDADD(_)) {
                    clobber(second, out);
                }
            }
        }
    }
}

/// Bytes moved for a register operand.
fn operand_size(operand: Operand) -> u8 {
    match operand {
        Operand::Register(size, _) | Operand::RegisterOrSP(size, _) => width(size),
        Operand::SIMDRegister(size, _) => match size {
            SIMDSizeCode::B => 1,
            SIMDSizeCode::H => 2,
            SIMDSizeCode::S => 4,
            SIMDSizeCode::D => 8,
            SIMDSizeCode::Q => 16,
        },
        _ => 8,
    }
}

/// Forgets a written operand. Writing to the base register of an address is not followed.
pub(crate) fn clobber(operand: Operand, out: &mut Vec<Op>) {
    match operand {
        Operand::Register(..) | Operand::RegisterOrSP(..) => {
            if let Some((dst, _)) = dst(operand)
                && dst != SP
            {
                out.push(Op::Clobber { dst });
            }
        }
        Operand::SIMDRegister(_, number)
        | Operand::SIMDRegisterElements(_, number, _)
        | Operand::SIMDRegisterElementsLane(_, number, _, _) => {
            if let Some(dst) = vector(number) {
                out.push(Op::Clobber { dst });
                out.push(Op::Clobber { dst: dst + 1 });
            }
        }
        _ => {}
    }
}

fn condition(code: u8) -> Cond {
    match code {
        0 => Cond::Eq,
        1 => Cond::Ne,
        2 => Cond::Ae,
        3 => Cond::B,
        4 => Cond::S,
        5 => Cond::Ns,
        8 => Cond::A,
        9 => Cond::Be,
        10 => Cond::Ge,
        11 => Cond::L,
        12 => Cond::G,
        13 => Cond::Le,
        _ => Cond::Other,
    }
}
