//! ARM64's moves of bit fields.

use yaxpeax_arm::armv8::a64::{Instruction, Operand};

use crate::ir::{BinOp, Op, Reg, Src, TMP};
use crate::lift_arm64::{Arm64, clobber, dst, src};

/// Operands of an instruction that moves a field: where to, how wide, where from, and the numbers that tell which bits.
struct Field {
    register: Reg,
    size: u8,
    a: Src,
    rotate: u32,
    top: u32,
}

impl Field {
    /// Of an instruction; where it is of another form, its first operand is forgotten.
    fn of(i: &Instruction, out: &mut Vec<Op>) -> Option<Self> {
        let [
            target,
            source,
            Operand::Immediate(rotate),
            Operand::Immediate(top),
        ] = i.operands
        else {
            clobber(i.operands[0], out);
            return None;
        };
        let (register, size) = dst(target)?;
        Some(Self {
            register,
            size,
            a: src(source, size, out),
            rotate,
            top,
        })
    }
}

impl Arm64 {
    pub(crate) fn bitfield(i: &Instruction, signed: bool, out: &mut Vec<Op>) {
        let Some(Field {
            register,
            size,
            a,
            rotate,
            top,
        }) = Field::of(i, out)
        else {
            return;
        };
        let bits = u32::from(size) * 8;
        let count = top + 1;
        if rotate == 0 && matches!(count, 8 | 16 | 32) {
            let from = (count / 8) as u8;
            return out.push(Op::Extend {
                dst: register,
                size,
                from,
                signed,
                src: a,
            });
        }
        // Up to the top of the register, which drops what is above the field, and down to where it goes: to the bottom, or,
        // for the low top + 1 bits, up by what the register is longer than the rotation.
        let up = bits.saturating_sub(count);
        let down = if top >= rotate {
            up + rotate
        } else {
            up.saturating_sub(bits.saturating_sub(rotate))
        };
        out.push(Op::Bin {
            op: BinOp::Shl,
            dst: TMP,
            size,
            a,
            b: Src::Imm(u64::from(up)),
        });
        out.push(Op::Bin {
            op: if signed { BinOp::Sar } else { BinOp::Shr },
            dst: register,
            size,
            a: Src::Reg(TMP),
            b: Src::Imm(u64::from(down)),
        });
    }

    pub(crate) fn insert_field(i: &Instruction, out: &mut Vec<Op>) {
        let Some(Field {
            register,
            size,
            a,
            rotate,
            top,
        }) = Field::of(i, out)
        else {
            return;
        };
        let bits = u32::from(size) * 8;
        // dst = (dst & !field) | (src bits moved to the field)
        let (count, from, to) = if top >= rotate {
            (top - rotate + 1, rotate, 0)
        } else {
            (top + 1, 0, bits.saturating_sub(rotate))
        };
        let ones = if count >= 64 {
            u64::MAX
        } else {
            (1u64 << count) - 1
        };
        let field = ones.wrapping_shl(to);
        out.push(Op::Bin {
            op: BinOp::Shr,
            dst: TMP,
            size,
            a,
            b: Src::Imm(u64::from(from)),
        });
        out.push(Op::Bin {
            op: BinOp::And,
            dst: TMP,
            size,
            a: Src::Reg(TMP),
            b: Src::Imm(ones),
        });
        out.push(Op::Bin {
            op: BinOp::Shl,
            dst: TMP,
            size,
            a: Src::Reg(TMP),
            b: Src::Imm(u64::from(to)),
        });
        out.push(Op::Bin {
            op: BinOp::And,
            dst: register,
            size,
            a: Src::Reg(register),
            b: Src::Imm(!field),
        });
        out.push(Op::Bin {
            op: BinOp::Or,
            dst: register,
            size,
            a: Src::Reg(register),
            b: Src::Reg(TMP),
        });
    }
}
