//! x86 and x86-64 instructions to operations, decoded by iced-x86.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use crate::ir::{BinOp, Cond, Mem, NONE, Op, RAX, RBP, RCX, RDX, RSP, Reg, Src, TMP, UnOp, VEC};

/// Lifts instructions of one image.
#[derive(Debug)]
pub(crate) struct X86 {
    pub(crate) base: u64,
    pub(crate) wide: bool,
}

/// General register number and size; `None` for others and for ah, bh, ch, dh.
pub(crate) fn general(register: Register) -> Option<(Reg, u8)> {
    if !register.is_gpr() {
        return None;
    }
    if matches!(
        register,
        Register::AH | Register::BH | Register::CH | Register::DH
    ) {
        return None;
    }
    let full = register.full_register();
    Some((
        u8::try_from(full.number()).ok()?,
        u8::try_from(register.size()).ok()?,
    ))
}

/// The first half of a vector register that is followed.
pub(crate) fn vector(register: Register) -> Option<Reg> {
    if !register.is_xmm() {
        return None;
    }
    let number = u8::try_from(register.number()).ok()?;
    (number < 8).then_some(VEC + number * 2)
}

impl X86 {
    /// Decodes at `rva`, appends the operations, and returns the instruction's length; `None` for bytes that are none.
    pub(crate) fn lift(&self, bytes: &[u8], rva: u32, out: &mut Vec<Op>) -> Option<u32> {
        let bits = if self.wide { 64 } else { 32 };
        let window = bytes.get(..bytes.len().min(15))?;
        let mut decoder = Decoder::with_ip(
            bits,
            window,
            self.base.wrapping_add(u64::from(rva)),
            DecoderOptions::NONE,
        );
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return None;
        }
        self.translate(&instruction, out);
        u32::try_from(instruction.len()).ok()
    }

    const fn word(&self) -> u8 {
        if self.wide { 8 } else { 4 }
    }

    fn near(&self, instruction: &Instruction) -> u32 {
        instruction.near_branch_target().wrapping_sub(self.base) as u32
    }

    pub(crate) fn mem(&self, instruction: &Instruction, size: u8) -> Mem {
        let register = |register: Register| match register {
            Register::None | Register::RIP | Register::EIP => Some(NONE),
            other => general(other).map(|(number, _)| number),
        };
        let base = register(instruction.memory_base());
        let index = register(instruction.memory_index());
        let (Some(base), Some(index)) = (base, index) else {
            return Mem {
                base: TMP,
                index: TMP,
                scale: 1,
                disp: 0,
                size,
            };
        };
        if matches!(instruction.segment_prefix(), Register::FS | Register::GS) {
            // Per-processor data: an address of its own that nothing else uses.
            return Mem {
                base: NONE,
                index: NONE,
                scale: 1,
                disp: 0x10,
                size,
            };
        }
        let disp = instruction.memory_displacement64() as i64;
        let disp = if self.wide || base == NONE {
            disp
        } else {
            i64::from(disp as i32)
        };
        Mem {
            base,
            index,
            scale: instruction.memory_index_scale() as u8,
            disp,
            size,
        }
    }

    /// Operand `index` as a source.
    pub(crate) fn src(&self, instruction: &Instruction, index: u32) -> Src {
        match instruction.op_kind(index) {
            OpKind::Register => match general(instruction.op_register(index)) {
                Some((register, _)) => Src::Reg(register),
                None => Src::Reg(vector(instruction.op_register(index)).unwrap_or(NONE)),
            },
            OpKind::Memory => {
                let size = instruction.memory_size().size().min(8) as u8;
                Src::Mem(self.mem(instruction, size.max(1)))
            }
            OpKind::Immediate8
            | OpKind::Immediate8_2nd
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64 => Src::Imm(instruction.immediate(index)),
            _ => Src::Reg(NONE),
        }
    }

    pub(crate) fn size_of(&self, instruction: &Instruction, index: u32) -> u8 {
        match instruction.op_kind(index) {
            OpKind::Register => instruction.op_register(index).size() as u8,
            OpKind::Memory => instruction.memory_size().size().min(255) as u8,
            _ => self.word(),
        }
    }

    /// Writes the result of `make` to operand 0, through a temporary when it is memory or part of a register.
    fn to_dst(&self, instruction: &Instruction, out: &mut Vec<Op>, make: impl FnOnce(Reg, u8) -> Op) {
        let size = self.size_of(instruction, 0);
        match instruction.op_kind(0) {
            OpKind::Register => match general(instruction.op_register(0)) {
                Some((register, size)) if size >= 4 => out.push(make(register, size)),
                Some((register, size)) => {
                    out.push(make(TMP, size));
                    out.push(Op::Insert {
                        dst: register,
                        size,
                        shift: 0,
                        src: Src::Reg(TMP),
                    });
                }
                None => self.clobber_dst(instruction, out),
            },
            OpKind::Memory if size <= 8 => {
                out.push(make(TMP, size));
                out.push(Op::Store {
                    mem: self.mem(instruction, size),
                    src: Src::Reg(TMP),
                });
            }
            _ => self.clobber_dst(instruction, out),
        }
    }

    fn clobber_dst(&self, instruction: &Instruction, out: &mut Vec<Op>) {
        match instruction.op_kind(0) {
            OpKind::Register => {
                let register = instruction.op_register(0);
                if let Some(dst) = vector(register) {
                    out.push(Op::Clobber { dst });
                    out.push(Op::Clobber { dst: dst + 1 });
                } else if register.is_gpr() {
                    out.push(Op::Clobber {
                        dst: register.full_register().number() as u8,
                    });
                }
            }
            OpKind::Memory => {
                let size = instruction.memory_size().size();
                let mut done = 0;
                while done < size.min(64) {
                    let part = (size - done).min(8) as u8;
                    let mut mem = self.mem(instruction, part);
                    mem.disp = mem.disp.wrapping_add(done as i64);
                    out.push(Op::Store {
                        mem,
                        src: Src::Reg(NONE),
                    });
                    done += usize::from(part);
                }
            }
            _ => {}
        }
    }

    fn bin(&self, op: BinOp, instruction: &Instruction, out: &mut Vec<Op>) {
        let (a, b) = (self.src(instruction, 0), self.src(instruction, 1));
        let zeroing =
            matches!(op, BinOp::Xor | BinOp::Sub) && a == b && matches!(a, Src::Reg(r) if r != NONE);
        if zeroing {
            self.to_dst(instruction, out, |dst, size| Op::Mov {
                dst,
                size,
                src: Src::Imm(0),
            });
            return self.compares_result(instruction, out);
        }
        let subtracts = op == BinOp::Sub
            && !matches!(b, Src::Mem(_))
            && general(instruction.op_register(0)).is_some_and(|(dst, size)| size >= 4 && dst != RSP);
        let size = self.size_of(instruction, 0);
        if subtracts && instruction.op_kind(0) == OpKind::Register {
            out.push(Op::Cmp {
                size,
                a,
                b,
                test: false,
            });
            self.to_dst(instruction, out, |dst, size| Op::Bin { op, dst, size, a, b });
            if let Some((dst, _)) = general(instruction.op_register(0)) {
                out.push(Op::Difference { dst });
            }
            return;
        }
        self.to_dst(instruction, out, |dst, size| Op::Bin { op, dst, size, a, b });
        self.compares_result(instruction, out);
        if matches!(op, BinOp::Add | BinOp::Sub) {
            out.push(Op::EqualityOnly);
        }
    }

    /// Masking a value, or adding to it, also compares the result with zero.
    fn compares_result(&self, instruction: &Instruction, out: &mut Vec<Op>) {
        match (instruction.op_kind(0), general(instruction.op_register(0))) {
            (OpKind::Register, Some((dst, size))) if dst != RSP => out.push(Op::Cmp {
                size,
                a: Src::Reg(dst),
                b: Src::Imm(0),
                test: true,
            }),
            _ => out.push(Op::FlagsLost),
        }
    }

    fn push(&self, src: Src, out: &mut Vec<Op>) {
        let size = self.word();
        let src = match src {
            Src::Imm(_) => src,
            Src::Reg(reg) if reg != RSP && reg != NONE => src,
            other => {
                out.push(Op::Mov {
                    dst: TMP,
                    size,
                    src: other,
                });
                Src::Reg(TMP)
            }
        };
        out.push(Op::Bin {
            op: BinOp::Sub,
            dst: RSP,
            size,
            a: Src::Reg(RSP),
            b: Src::Imm(u64::from(size)),
        });
        out.push(Op::Store {
            mem: Mem::at(RSP, 0, size),
            src,
        });
    }

    fn pop(&self, dst: Reg, out: &mut Vec<Op>) {
        let size = self.word();
        out.push(Op::Mov {
            dst: TMP,
            size,
            src: Src::Mem(Mem::at(RSP, 0, size)),
        });
        out.push(Op::Bin {
            op: BinOp::Add,
            dst: RSP,
            size,
            a: Src::Reg(RSP),
            b: Src::Imm(u64::from(size)),
        });
        out.push(Op::Mov {
            dst,
            size,
            src: Src::Reg(TMP),
        });
    }

    fn translate(&self, i: &Instruction, out: &mut Vec<Op>) {
        use Mnemonic as M;
        match i.mnemonic() {
            M::Mov => {
                let src = self.src(i, 1);
                if let (OpKind::Memory, Src::Reg(_) | Src::Imm(_)) = (i.op_kind(0), src) {
                    let size = self.size_of(i, 0).min(8);
                    out.push(Op::Store {
                        mem: self.mem(i, size),
                        src,
                    });
                } else {
                    self.to_dst(i, out, |dst, size| Op::Mov { dst, size, src });
                }
            }
            M::Movzx | M::Movsx | M::Movsxd => {
                let (src, from, signed) = (self.src(i, 1), self.size_of(i, 1), i.mnemonic() != M::Movzx);
                self.to_dst(i, out, |dst, size| Op::Extend {
                    dst,
                    size,
                    from,
                    signed,
                    src,
                });
            }
            M::Lea => {
                let mem = self.mem(i, 8);
                let same = general(i.op_register(0)).is_some_and(|(dst, _)| dst == mem.base);
                if same && mem.index == NONE && mem.disp == 0 && !self.wide {
                    // Padding between functions.
                    return;
                }
                self.to_dst(i, out, |dst, size| Op::Lea { dst, size, mem });
            }
            M::Add => self.bin(BinOp::Add, i, out),
            M::Sub => self.bin(BinOp::Sub, i, out),
            M::And => self.bin(BinOp::And, i, out),
            M::Or => self.bin(BinOp::Or, i, out),
            M::Xor => self.bin(BinOp::Xor, i, out),
            M::Shl | M::Sal => self.bin(BinOp::Shl, i, out),
            M::Shr => self.bin(BinOp::Shr, i, out),
            M::Sar => self.bin(BinOp::Sar, i, out),
            M::Rol => self.bin(BinOp::Rol, i, out),
            M::Ror => self.bin(BinOp::Ror, i, out),
            M::Sbb if i.op_kind(0) == i.op_kind(1) && i.op_register(0) == i.op_register(1) => {
                // sbb r, r: zero or minus one.
                self.to_dst(i, out, |dst, size| Op::Select {
                    dst,
                    size,
                    cond: Cond::Other,
                    a: Src::Imm(0),
                    b: Src::Imm(u64::MAX),
                });
                out.push(Op::FlagsLost);
            }
            M::Inc | M::Dec => {
                let op = if i.mnemonic() == M::Inc {
                    BinOp::Add
                } else {
                    BinOp::Sub
                };
                let a = self.src(i, 0);
                self.to_dst(i, out, |dst, size| Op::Bin {
                    op,
                    dst,
                    size,
                    a,
                    b: Src::Imm(1),
                });
                if let (OpKind::Register, Some((dst, size))) = (i.op_kind(0), general(i.op_register(0))) {
                    out.push(Op::Cmp {
                        size,
                        a: Src::Reg(dst),
                        b: Src::Imm(0),
                        test: true,
                    });
                } else {
                    out.push(Op::FlagsLost);
                }
            }
            M::Not | M::Neg => {
                let (op, a) = (
                    if i.mnemonic() == M::Not {
                        UnOp::Not
                    } else {
                        UnOp::Neg
                    },
                    self.src(i, 0),
                );
                self.to_dst(i, out, |dst, size| Op::Un { op, dst, size, a });
                out.push(Op::FlagsLost);
            }
            M::Bswap => {
                let a = self.src(i, 0);
                self.to_dst(i, out, |dst, size| Op::Un {
                    op: UnOp::Bswap,
                    dst,
                    size,
                    a,
                });
            }
            M::Movbe => {
                let a = self.src(i, 1);
                self.to_dst(i, out, |dst, size| Op::Un {
                    op: UnOp::Bswap,
                    dst,
                    size,
                    a,
                });
            }
            M::Imul => self.imul(i, out),
            M::Cmp | M::Test => {
                let size = self.size_of(i, 0).min(8);
                let (a, b) = (self.src(i, 0), self.src(i, 1));
                out.push(Op::Cmp {
                    size,
                    a,
                    b,
                    test: i.mnemonic() == M::Test,
                });
            }
            M::Xchg => self.exchange(i, out),
            M::Push => self.push(self.src(i, 0), out),
            M::Pop => match (i.op_kind(0), general(i.op_register(0))) {
                (OpKind::Register, Some((dst, _))) => self.pop(dst, out),
                _ => self.pop(TMP, out),
            },
            M::Leave => {
                out.push(Op::Mov {
                    dst: RSP,
                    size: self.word(),
                    src: Src::Reg(RBP),
                });
                self.pop(RBP, out);
            }
            M::Enter => {
                self.push(Src::Reg(RBP), out);
                let size = self.word();
                out.push(Op::Mov {
                    dst: RBP,
                    size,
                    src: Src::Reg(RSP),
                });
                let frame = Src::Imm(i.immediate(0));
                out.push(Op::Bin {
                    op: BinOp::Sub,
                    dst: RSP,
                    size,
                    a: Src::Reg(RSP),
                    b: frame,
                });
            }
            M::Pushfd | M::Pushfq => self.push(Src::Reg(NONE), out),
            M::Popfd | M::Popfq => self.pop(TMP, out),
            M::Jmp => out.push(
                if i.op_kind(0) == OpKind::NearBranch32 || i.op_kind(0) == OpKind::NearBranch64 {
                    Op::Jump { to: self.near(i) }
                } else {
                    Op::JumpInd { src: self.src(i, 0) }
                },
            ),
            M::Call => out.push(
                if i.op_kind(0) == OpKind::NearBranch32 || i.op_kind(0) == OpKind::NearBranch64 {
                    Op::Call { to: self.near(i) }
                } else {
                    Op::CallInd { src: self.src(i, 0) }
                },
            ),
            M::Ret => out.push(Op::Ret {
                pop: if i.op_count() > 0 {
                    i.immediate(0) as u16
                } else {
                    0
                },
            }),
            M::Retf | M::Iret | M::Iretd | M::Iretq | M::Int3 | M::Ud2 | M::Hlt => out.push(Op::Stop),
            M::Int => out.push(if i.immediate(0) == 0x29 {
                Op::Stop
            } else {
                Op::Clobber { dst: RAX }
            }),
            M::Jrcxz | M::Jecxz => out.push(Op::JumpZero {
                reg: RCX,
                size: self.word(),
                zero: true,
                to: self.near(i),
            }),
            M::Loop | M::Loope | M::Loopne => {
                out.push(Op::Clobber { dst: RCX });
                out.push(Op::JumpIf {
                    cond: Cond::Other,
                    to: self.near(i),
                });
            }
            M::Cdq | M::Cqo => out.push(Op::Clobber { dst: RDX }),
            M::Cdqe => out.push(Op::Extend {
                dst: RAX,
                size: 8,
                from: 4,
                signed: true,
                src: Src::Reg(RAX),
            }),
            M::Cwde => out.push(Op::Extend {
                dst: RAX,
                size: 4,
                from: 2,
                signed: true,
                src: Src::Reg(RAX),
            }),
            M::Mul | M::Div | M::Idiv => {
                out.push(Op::Clobber { dst: RAX });
                out.push(Op::Clobber { dst: RDX });
                out.push(Op::FlagsLost);
            }
            M::Cpuid => (0..4).for_each(|dst| out.push(Op::Clobber { dst })),
            M::Movsd if i.code() == Code::Movsd_m32_m32 => self.string(i, 4, false, out),
            M::Movsq => self.string(i, 8, false, out),
            M::Movsb => self.string(i, 1, false, out),
            M::Movsw => self.string(i, 2, false, out),
            M::Stosd => self.string(i, 4, true, out),
            M::Stosq => self.string(i, 8, true, out),
            M::Stosb => self.string(i, 1, true, out),
            M::Nop
            | M::Endbr64
            | M::Endbr32
            | M::Pause
            | M::Lfence
            | M::Mfence
            | M::Sfence
            | M::Prefetchw => {}
            _ if i.is_jcc_short_or_near() => {
                out.push(Op::JumpIf {
                    cond: condition(i.condition_code()),
                    to: self.near(i),
                });
            }
            _ if is_cmov(i) => {
                let (a, cond) = (self.src(i, 1), condition(i.condition_code()));
                let old = self.src(i, 0);
                self.to_dst(i, out, |dst, size| Op::Select {
                    dst,
                    size,
                    cond,
                    a,
                    b: old,
                });
            }
            _ if i.op_count() == 1 && i.condition_code() != iced_x86::ConditionCode::None => {
                let cond = condition(i.condition_code());
                self.to_dst(i, out, |dst, size| Op::Select {
                    dst,
                    size,
                    cond,
                    a: Src::Imm(1),
                    b: Src::Imm(0),
                });
            }
            _ if self.vector_move(i, out) => {}
            _ => self.other(i, out),
        }
    }

    /// Anything else: its first operand is taken as written when the instruction is not known only to read.
    fn other(&self, i: &Instruction, out: &mut Vec<Op>) {
        if i.op_count() > 0 {
            self.clobber_dst(i, out);
        }
        if matches!(
            i.mnemonic(),
            Mnemonic::Cmpxchg
                | Mnemonic::Lodsd
                | Mnemonic::Lodsb
                | Mnemonic::Lodsq
                | Mnemonic::Rdtsc
                | Mnemonic::Rdmsr
                | Mnemonic::In
        ) {
            out.push(Op::Clobber { dst: RAX });
            out.push(Op::Clobber { dst: RDX });
        }
        if i.rflags_modified() != 0 {
            out.push(Op::FlagsLost);
        }
    }

    fn imul(&self, i: &Instruction, out: &mut Vec<Op>) {
        match i.op_count() {
            2 => {
                let (a, b) = (self.src(i, 0), self.src(i, 1));
                self.to_dst(i, out, |dst, size| Op::Bin {
                    op: BinOp::Mul,
                    dst,
                    size,
                    a,
                    b,
                });
            }
            3 => {
                let (a, b) = (self.src(i, 1), self.src(i, 2));
                self.to_dst(i, out, |dst, size| Op::Bin {
                    op: BinOp::Mul,
                    dst,
                    size,
                    a,
                    b,
                });
            }
            _ => {
                out.push(Op::Clobber { dst: RAX });
                out.push(Op::Clobber { dst: RDX });
            }
        }
        out.push(Op::FlagsLost);
    }

    fn exchange(&self, i: &Instruction, out: &mut Vec<Op>) {
        let size = self.size_of(i, 0).min(8);
        let second = match (i.op_kind(1), general(i.op_register(1))) {
            (OpKind::Register, Some((register, width))) if width >= 4 => register,
            _ => return self.clobber_dst(i, out),
        };
        match (i.op_kind(0), general(i.op_register(0))) {
            (OpKind::Register, Some((first, width))) if width >= 4 => {
                out.push(Op::Mov {
                    dst: TMP,
                    size,
                    src: Src::Reg(first),
                });
                out.push(Op::Mov {
                    dst: first,
                    size,
                    src: Src::Reg(second),
                });
                out.push(Op::Mov {
                    dst: second,
                    size,
                    src: Src::Reg(TMP),
                });
            }
            (OpKind::Memory, _) => {
                let mem = self.mem(i, size);
                out.push(Op::Mov {
                    dst: TMP,
                    size,
                    src: Src::Mem(mem),
                });
                out.push(Op::Store {
                    mem,
                    src: Src::Reg(second),
                });
                out.push(Op::Mov {
                    dst: second,
                    size,
                    src: Src::Reg(TMP),
                });
            }
            _ => self.clobber_dst(i, out),
        }
    }

    fn string(&self, i: &Instruction, size: u8, fill: bool, out: &mut Vec<Op>) {
        if !i.has_rep_prefix() && !i.has_repne_prefix() {
            out.push(Op::Mov {
                dst: TMP,
                size: 8,
                src: Src::Reg(RCX),
            });
            out.push(Op::Mov {
                dst: RCX,
                size: 4,
                src: Src::Imm(1),
            });
            out.push(Op::Rep { size, fill });
            out.push(Op::Mov {
                dst: RCX,
                size: 8,
                src: Src::Reg(TMP),
            });
        } else {
            out.push(Op::Rep { size, fill });
        }
    }
}

fn is_cmov(i: &Instruction) -> bool {
    use Mnemonic as M;
    matches!(
        i.mnemonic(),
        M::Cmova
            | M::Cmovae
            | M::Cmovb
            | M::Cmovbe
            | M::Cmove
            | M::Cmovg
            | M::Cmovge
            | M::Cmovl
            | M::Cmovle
            | M::Cmovne
            | M::Cmovno
            | M::Cmovnp
            | M::Cmovns
            | M::Cmovo
            | M::Cmovp
            | M::Cmovs
    )
}

fn condition(code: iced_x86::ConditionCode) -> Cond {
    use iced_x86::ConditionCode as C;
    match code {
        C::e => Cond::Eq,
        C::ne => Cond::Ne,
        C::b => Cond::B,
        C::ae => Cond::Ae,
        C::be => Cond::Be,
        C::a => Cond::A,
        C::l => Cond::L,
        C::ge => Cond::Ge,
        C::le => Cond::Le,
        C::g => Cond::G,
        C::s => Cond::S,
        C::ns => Cond::Ns,
        _ => Cond::Other,
    }
}
