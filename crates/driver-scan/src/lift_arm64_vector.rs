//! ARM64's vector registers: constants, moves between register files, and single lanes.

use yaxpeax_arm::armv8::a64::{Instruction, Opcode, Operand, SIMDSizeCode};

use crate::ir::{BinOp, NONE, Op, Src, TMP};
use crate::lift_arm64::{Arm64, clobber, dst, src, vector};

impl Arm64 {
    pub(crate) fn vector_copy(i: &Instruction, out: &mut Vec<Op>) {
        match i.operands {
            [
                Operand::SIMDRegisterElements(SIMDSizeCode::Q, to, _),
                Operand::SIMDRegisterElements(_, from, _),
                Operand::SIMDRegisterElements(_, other, _),
                _,
            ] if from == other => {
                let Some(to) = vector(to) else { return };
                let from = vector(from);
                out.push(Op::Mov {
                    dst: to,
                    size: 8,
                    src: Src::Reg(from.unwrap_or(NONE)),
                });
                out.push(Op::Mov {
                    dst: to + 1,
                    size: 8,
                    src: Src::Reg(from.map_or(NONE, |from| from + 1)),
                });
            }
            [target, ..] => clobber(target, out),
        }
    }

    /// Constants, moves between register files, and single lanes.
    pub(crate) fn vector_other(i: &Instruction, out: &mut Vec<Op>) {
        let [first, second, ..] = i.operands;
        match (i.opcode, first, second) {
            (Opcode::MOVI, Operand::SIMDRegisterElements(_, to, _), Operand::Imm64(value))
                if vector(to).is_some() =>
            {
                let to = vector(to).unwrap_or(TMP);
                out.push(Op::Mov {
                    dst: to,
                    size: 8,
                    src: Src::Imm(value),
                });
                out.push(Op::Mov {
                    dst: to + 1,
                    size: 8,
                    src: Src::Imm(value),
                });
            }
            (
                Opcode::MOVI,
                Operand::SIMDRegisterElements(_, to, SIMDSizeCode::S),
                Operand::ImmShift(value, shift),
            ) if vector(to).is_some() => {
                let to = vector(to).unwrap_or(TMP);
                let lane = u64::from(value).wrapping_shl(u32::from(shift)) & 0xffff_ffff;
                let both = Src::Imm(lane | (lane << 32));
                out.push(Op::Mov {
                    dst: to,
                    size: 8,
                    src: both,
                });
                out.push(Op::Mov {
                    dst: to + 1,
                    size: 8,
                    src: both,
                });
            }
            (Opcode::FMOV, Operand::SIMDRegister(size, to), Operand::Register(..))
                if vector(to).is_some() =>
            {
                let to = vector(to).unwrap_or(TMP);
                let size = if size == SIMDSizeCode::S { 4 } else { 8 };
                let value = src(second, size, out);
                out.push(Op::Mov {
                    dst: to,
                    size,
                    src: value,
                });
                out.push(Op::Mov {
                    dst: to + 1,
                    size: 8,
                    src: Src::Imm(0),
                });
            }
            (Opcode::FMOV, Operand::Register(..), Operand::SIMDRegister(_, from)) => {
                let Some((register, size)) = dst(first) else {
                    return;
                };
                out.push(Op::Mov {
                    dst: register,
                    size,
                    src: Src::Reg(vector(from).unwrap_or(NONE)),
                });
            }
            (Opcode::INS, Operand::SIMDRegisterElementsLane(_, to, size, lane), Operand::Register(..))
                if vector(to).is_some() =>
            {
                let to = vector(to).unwrap_or(TMP);
                let value = src(second, 8, out);
                match size {
                    SIMDSizeCode::D => out.push(Op::Mov {
                        dst: to + (lane & 1),
                        size: 8,
                        src: value,
                    }),
                    SIMDSizeCode::S => {
                        let (dst, shift) = (to + ((lane >> 1) & 1), (lane & 1) * 32);
                        out.push(Op::Insert {
                            dst,
                            size: 4,
                            shift,
                            src: value,
                        });
                    }
                    _ => out.push(Op::Clobber { dst: to + (lane & 1) }),
                }
            }
            (Opcode::DUP, Operand::SIMDRegisterElements(_, to, SIMDSizeCode::D), Operand::Register(..))
                if vector(to).is_some() =>
            {
                let to = vector(to).unwrap_or(TMP);
                let value = src(second, 8, out);
                out.push(Op::Mov {
                    dst: to,
                    size: 8,
                    src: value,
                });
                out.push(Op::Mov {
                    dst: to + 1,
                    size: 8,
                    src: value,
                });
            }
            (Opcode::UMOV, Operand::Register(..), Operand::SIMDRegisterElementsLane(_, from, size, lane)) => {
                let (Some((register, width)), Some(from)) = (dst(first), vector(from)) else {
                    return clobber(first, out);
                };
                match size {
                    SIMDSizeCode::D => out.push(Op::Mov {
                        dst: register,
                        size: 8,
                        src: Src::Reg(from + (lane & 1)),
                    }),
                    SIMDSizeCode::S => {
                        let a = Src::Reg(from + ((lane >> 1) & 1));
                        let b = Src::Imm(u64::from(lane & 1) * 32);
                        out.push(Op::Bin {
                            op: BinOp::Shr,
                            dst: register,
                            size: 8,
                            a,
                            b,
                        });
                        out.push(Op::Mov {
                            dst: register,
                            size: width.min(4),
                            src: Src::Reg(register),
                        });
                    }
                    _ => out.push(Op::Clobber { dst: register }),
                }
            }
            _ => clobber(first, out),
        }
    }
}
