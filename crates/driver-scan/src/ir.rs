//! The few operations that all instruction sets are reduced to.

/// Register number: general registers 0 to 31 (ARM64: 31 is sp; x86: 0 to 15 in the order of the encoding), then the
/// two halves of the first eight vector registers.
pub(crate) type Reg = u8;

/// x86 register numbers.
pub(crate) const RAX: Reg = 0;
pub(crate) const RCX: Reg = 1;
pub(crate) const RDX: Reg = 2;
pub(crate) const RBX: Reg = 3;
pub(crate) const RSP: Reg = 4;
pub(crate) const RBP: Reg = 5;
pub(crate) const RSI: Reg = 6;
pub(crate) const RDI: Reg = 7;
/// Registers in which compilers pass arguments of functions of the image, whatever the convention of x86.
pub(crate) const X86_PARAMETERS: [Reg; 3] = [RAX, RCX, RDX];
/// ARM64 stack pointer.
pub(crate) const SP: Reg = 31;
/// First half of the first vector register.
pub(crate) const VEC: Reg = 32;
/// Holds a value inside one instruction.
pub(crate) const TMP: Reg = 48;
/// A second one.
pub(crate) const TMP2: Reg = 49;
/// Number of registers.
pub(crate) const REGS: usize = 50;
/// No register: reads as zero in an address, as anything elsewhere.
pub(crate) const NONE: Reg = 255;

/// A memory operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mem {
    pub(crate) base: Reg,
    pub(crate) index: Reg,
    pub(crate) scale: u8,
    pub(crate) disp: i64,
    /// Bytes accessed, 1 to 8.
    pub(crate) size: u8,
}

impl Mem {
    pub(crate) const fn at(base: Reg, disp: i64, size: u8) -> Self {
        Self {
            base,
            index: NONE,
            scale: 1,
            disp,
            size,
        }
    }
}

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Src {
    Reg(Reg),
    Imm(u64),
    Mem(Mem),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinOp {
    Add,
    Sub,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Sar,
    Rol,
    Ror,
    Mul,
    /// Unsigned division.
    Div,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnOp {
    Not,
    Neg,
    /// Reverses the bytes.
    Bswap,
}

/// Condition of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cond {
    Eq,
    Ne,
    /// Unsigned below, and so on.
    B,
    Ae,
    Be,
    A,
    /// Signed less, and so on.
    L,
    Ge,
    Le,
    G,
    /// Sign set.
    S,
    Ns,
    Other,
}

impl Cond {
    pub(crate) const fn not(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::B => Self::Ae,
            Self::Ae => Self::B,
            Self::Be => Self::A,
            Self::A => Self::Be,
            Self::L => Self::Ge,
            Self::Ge => Self::L,
            Self::Le => Self::G,
            Self::G => Self::Le,
            Self::S => Self::Ns,
            Self::Ns => Self::S,
            Self::Other => Self::Other,
        }
    }
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// `dst` = `src`, zero-extended from `size` bytes.
    Mov {
        dst: Reg,
        size: u8,
        src: Src,
    },
    /// `dst` = low `size` bytes of `src` put over the low bytes of `dst` at bit `shift`.
    Insert {
        dst: Reg,
        size: u8,
        shift: u8,
        src: Src,
    },
    /// `dst` = `src` extended from `from` to `size` bytes.
    Extend {
        dst: Reg,
        size: u8,
        from: u8,
        signed: bool,
        src: Src,
    },
    /// `dst` = `a` op `b`, in `size` bytes, zero-extended.
    Bin {
        op: BinOp,
        dst: Reg,
        size: u8,
        a: Src,
        b: Src,
    },
    Un {
        op: UnOp,
        dst: Reg,
        size: u8,
        a: Src,
    },
    /// `dst` = address of `mem`.
    Lea {
        dst: Reg,
        size: u8,
        mem: Mem,
    },
    Store {
        mem: Mem,
        src: Src,
    },
    /// `dst` = `a` when the condition holds, else `b`.
    Select {
        dst: Reg,
        size: u8,
        cond: Cond,
        a: Src,
        b: Src,
    },
    Cmp {
        size: u8,
        a: Src,
        b: Src,
        test: bool,
    },
    /// `dst` now holds the difference of what was compared.
    Difference {
        dst: Reg,
    },
    /// Of the last comparison only equality and sign are told, not what is above or below.
    EqualityOnly,
    /// The comparison's outcome is not followed.
    FlagsLost,
    Clobber {
        dst: Reg,
    },
    /// Copies (`fill` false) or fills memory: `rep movs`, `rep stos`.
    Rep {
        size: u8,
        fill: bool,
    },
    Jump {
        to: u32,
    },
    JumpIf {
        cond: Cond,
        to: u32,
    },
    /// Jumps when the register is (`zero`) or is not zero.
    JumpZero {
        reg: Reg,
        size: u8,
        zero: bool,
        to: u32,
    },
    JumpInd {
        src: Src,
    },
    Call {
        to: u32,
    },
    CallInd {
        src: Src,
    },
    /// Returns, taking `pop` bytes of arguments off.
    Ret {
        pop: u16,
    },
    /// Does not go on.
    Stop,
}

impl Op {
    /// True after which no operation of the same block follows.
    pub(crate) const fn ends_block(&self) -> bool {
        matches!(
            self,
            Self::Jump { .. }
                | Self::JumpIf { .. }
                | Self::JumpZero { .. }
                | Self::JumpInd { .. }
                | Self::Ret { .. }
                | Self::Stop
        )
    }
}
