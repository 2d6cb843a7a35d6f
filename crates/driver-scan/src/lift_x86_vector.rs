//! Moves through vector registers of x86 and x86-64, which set neighbouring fields of a structure together.

use iced_x86::{Instruction, Mnemonic, OpKind};

use crate::ir::{Mem, NONE, Op, Reg, Src};
use crate::lift_x86::{X86, general, vector};

impl X86 {
    /// Moves of 4, 8 and 16 bytes through vector registers, which set neighbouring fields of a structure together.
    pub(crate) fn vector_move(&self, i: &Instruction, out: &mut Vec<Op>) -> bool {
        use Mnemonic as M;
        let both = |dst: Reg, low: Src, high: Src| {
            [
                Op::Mov {
                    dst,
                    size: 8,
                    src: low,
                },
                Op::Mov {
                    dst: dst + 1,
                    size: 8,
                    src: high,
                },
            ]
        };
        let shift = |mut mem: Mem| {
            mem.disp = mem.disp.wrapping_add(8);
            mem
        };
        match i.mnemonic() {
            M::Movups
            | M::Movaps
            | M::Movupd
            | M::Movapd
            | M::Movdqu
            | M::Movdqa
            | M::Vmovups
            | M::Vmovaps
            | M::Vmovdqu
            | M::Vmovdqa
            | M::Lddqu => match (i.op_kind(0), i.op_kind(1)) {
                (OpKind::Register, OpKind::Memory) => {
                    let Some(dst) = vector(i.op_register(0)) else {
                        return false;
                    };
                    let mem = self.mem(i, 8);
                    out.extend(both(dst, Src::Mem(mem), Src::Mem(shift(mem))));
                    true
                }
                (OpKind::Memory, OpKind::Register) if i.op_register(1).is_xmm() => {
                    let mem = self.mem(i, 8);
                    let src = vector(i.op_register(1));
                    out.push(Op::Store {
                        mem,
                        src: Src::Reg(src.unwrap_or(NONE)),
                    });
                    out.push(Op::Store {
                        mem: shift(mem),
                        src: Src::Reg(src.map_or(NONE, |src| src + 1)),
                    });
                    true
                }
                (OpKind::Register, OpKind::Register) => {
                    let (Some(dst), Some(src)) = (vector(i.op_register(0)), vector(i.op_register(1))) else {
                        return false;
                    };
                    out.extend(both(dst, Src::Reg(src), Src::Reg(src + 1)));
                    true
                }
                _ => false,
            },
            M::Movd | M::Movq | M::Vmovd | M::Vmovq | M::Movlps | M::Movlpd | M::Movss | M::Movsd => {
                let size = if matches!(i.mnemonic(), M::Movd | M::Movss | M::Vmovd)
                    && self.size_of(i, 0).min(self.size_of(i, 1)) <= 4
                {
                    4
                } else {
                    8
                };
                let keeps = matches!(i.mnemonic(), M::Movlps | M::Movlpd);
                match (i.op_kind(0), vector(i.op_register(0))) {
                    (OpKind::Memory, _) => {
                        let mem = self.mem(i, size);
                        out.push(Op::Store {
                            mem,
                            src: self.src(i, 1),
                        });
                    }
                    (OpKind::Register, Some(dst)) => {
                        let src = match self.src(i, 1) {
                            Src::Mem(mem) => Src::Mem(Mem { size, ..mem }),
                            other => other,
                        };
                        out.push(Op::Mov { dst, size, src });
                        if !keeps {
                            out.push(Op::Mov {
                                dst: dst + 1,
                                size: 8,
                                src: Src::Imm(0),
                            });
                        }
                    }
                    (OpKind::Register, None) => match general(i.op_register(0)) {
                        Some((dst, _)) => out.push(Op::Mov {
                            dst,
                            size,
                            src: self.src(i, 1),
                        }),
                        None => return false,
                    },
                    _ => return false,
                }
                true
            }
            M::Movhps | M::Movhpd => match (i.op_kind(0), vector(i.op_register(0)), vector(i.op_register(1)))
            {
                (OpKind::Register, Some(dst), _) => {
                    out.push(Op::Mov {
                        dst: dst + 1,
                        size: 8,
                        src: Src::Mem(self.mem(i, 8)),
                    });
                    true
                }
                (OpKind::Memory, _, Some(src)) => {
                    out.push(Op::Store {
                        mem: self.mem(i, 8),
                        src: Src::Reg(src + 1),
                    });
                    true
                }
                _ => false,
            },
            M::Pxor | M::Xorps | M::Xorpd | M::Vpxor | M::Vxorps => {
                let last = i.op_count().saturating_sub(1);
                let same = i.op_kind(last) == OpKind::Register
                    && i.op_register(last) == i.op_register(last.saturating_sub(1));
                let Some(dst) = vector(i.op_register(0)).filter(|_| same) else {
                    return false;
                };
                out.extend(both(dst, Src::Imm(0), Src::Imm(0)));
                true
            }
            M::Punpckldq | M::Unpcklps => {
                let (Some(dst), Some(src)) = (vector(i.op_register(0)), vector(i.op_register(1))) else {
                    return false;
                };
                out.push(Op::Insert {
                    dst,
                    size: 4,
                    shift: 32,
                    src: Src::Reg(src),
                });
                out.push(Op::Clobber { dst: dst + 1 });
                true
            }
            M::Punpcklqdq | M::Movlhps | M::Unpcklpd => {
                let Some(dst) = vector(i.op_register(0)) else {
                    return false;
                };
                let src = match self.src(i, 1) {
                    Src::Mem(mem) => Src::Mem(Mem { size: 8, ..mem }),
                    other => other,
                };
                out.push(Op::Mov {
                    dst: dst + 1,
                    size: 8,
                    src,
                });
                true
            }
            M::Pinsrd | M::Pinsrq => {
                let (Some(dst), OpKind::Immediate8) = (vector(i.op_register(0)), i.op_kind(2)) else {
                    return false;
                };
                let lane = i.immediate8();
                let src = self.src(i, 1);
                if i.mnemonic() == M::Pinsrq {
                    out.push(Op::Mov {
                        dst: dst + (lane & 1),
                        size: 8,
                        src,
                    });
                } else {
                    let (dst, shift) = (dst + ((lane >> 1) & 1), (lane & 1) * 32);
                    out.push(Op::Insert {
                        dst,
                        size: 4,
                        shift,
                        src,
                    });
                }
                true
            }
            _ => false,
        }
    }
}
