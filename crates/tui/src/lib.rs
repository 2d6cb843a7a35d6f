//! The full-screen live table. Draws what it is given; it does no arithmetic of its own and reads no kernel.
