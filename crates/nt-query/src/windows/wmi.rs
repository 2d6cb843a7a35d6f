//! WMI queries, through ole32 and oleaut32, which are loaded for it.
//!
//! Only what one step needs: rows of numbers and lists of numbers. The interfaces' methods are called through their
//! tables of functions, whose order the Windows SDK's wbemcli.h fixes for ever.

use std::ffi::c_void;

use windows_sys::core::GUID;

use super::library::{Function, Library};
use crate::CallError;
use crate::text::wide;

/// A property of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WmiValue {
    /// Null, or of a type that is not read here.
    None,
    /// A number.
    Number(u32),
    /// A list of numbers.
    Numbers(Vec<u32>),
}

type Hresult = i32;
type Bstr = *mut u16;
/// A pointer to an interface: what it points to begins with a pointer to its table of functions.
type Interface = *mut c_void;

type CoInitializeEx = unsafe extern "system" fn(*const c_void, u32) -> Hresult;
type CoInitializeSecurity = unsafe extern "system" fn(
    *const c_void,
    i32,
    *const c_void,
    *const c_void,
    u32,
    u32,
    *const c_void,
    u32,
    *const c_void,
) -> Hresult;
type CoCreateInstance =
    unsafe extern "system" fn(*const GUID, *mut c_void, u32, *const GUID, *mut Interface) -> Hresult;
type CoSetProxyBlanket =
    unsafe extern "system" fn(Interface, u32, u32, *const u16, u32, u32, *const c_void, u32) -> Hresult;
type SysAllocString = unsafe extern "system" fn(*const u16) -> Bstr;
type SysFreeString = unsafe extern "system" fn(Bstr);
type VariantClear = unsafe extern "system" fn(*mut Variant) -> Hresult;
type SafeArrayBound = unsafe extern "system" fn(*mut c_void, u32, *mut i32) -> Hresult;
type SafeArrayElement = unsafe extern "system" fn(*mut c_void, *const i32, *mut c_void) -> Hresult;

type Release = unsafe extern "system" fn(Interface) -> u32;
type ConnectServer = unsafe extern "system" fn(
    Interface,
    Bstr,
    Bstr,
    Bstr,
    Bstr,
    i32,
    Bstr,
    *mut c_void,
    *mut Interface,
) -> Hresult;
type ExecQuery =
    unsafe extern "system" fn(Interface, Bstr, Bstr, i32, *mut c_void, *mut Interface) -> Hresult;
type Next = unsafe extern "system" fn(Interface, i32, u32, *mut Interface, *mut u32) -> Hresult;
type Get = unsafe extern "system" fn(Interface, *const u16, i32, *mut Variant, *mut i32, *mut i32) -> Hresult;

/// Places in the tables of functions (wbemcli.h); IUnknown's three come first in each.
mod slot {
    pub(super) const RELEASE: usize = 2;
    pub(super) const LOCATOR_CONNECT_SERVER: usize = 3;
    pub(super) const SERVICES_EXEC_QUERY: usize = 20;
    pub(super) const ENUM_NEXT: usize = 4;
    pub(super) const OBJECT_GET: usize = 4;
}

static CLSID_WBEM_LOCATOR: GUID = GUID::from_u128(0x4590f811_1d3a_11d0_891f_00aa004b2e24);
static IID_WBEM_LOCATOR: GUID = GUID::from_u128(0xdc12a687_737f_11cf_884d_00aa004b2e24);

/// `VARIANT`: a type, three reserved words, and a value of up to two pointers.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Variant {
    kind: u16,
    reserved: [u16; 3],
    value: [usize; 2],
}

const VT_I4: u16 = 3;
const VT_UI4: u16 = 19;
const VT_ARRAY: u16 = 0x2000;

/// Milliseconds to wait for an object: a service that hangs must not hang the diagnosis.
const TIMEOUT_MS: i32 = 5_000;
/// More objects or elements than any answer here has.
const MOST: usize = 256;

/// The functions in use.
struct Api {
    alloc: SysAllocString,
    free: SysFreeString,
    clear: VariantClear,
    lower: SafeArrayBound,
    upper: SafeArrayBound,
    element: SafeArrayElement,
}

impl Api {
    fn load() -> Result<Self, CallError> {
        let library = Library::system32("oleaut32.dll")?;
        let function = library.function(c"SysAllocString")?;
        // SAFETY: this is SysAllocString, whose documented signature is that of the type.
        let alloc = unsafe { std::mem::transmute::<Function, SysAllocString>(function) };
        let function = library.function(c"SysFreeString")?;
        // SAFETY: this is SysFreeString, whose documented signature is that of the type.
        let free = unsafe { std::mem::transmute::<Function, SysFreeString>(function) };
        let function = library.function(c"VariantClear")?;
        // SAFETY: this is VariantClear, whose documented signature is that of the type.
        let clear = unsafe { std::mem::transmute::<Function, VariantClear>(function) };
        let function = library.function(c"SafeArrayGetLBound")?;
        // SAFETY: this is SafeArrayGetLBound, whose documented signature is that of the type.
        let lower = unsafe { std::mem::transmute::<Function, SafeArrayBound>(function) };
        let function = library.function(c"SafeArrayGetUBound")?;
        // SAFETY: this is SafeArrayGetUBound, whose documented signature is that of the type.
        let upper = unsafe { std::mem::transmute::<Function, SafeArrayBound>(function) };
        let function = library.function(c"SafeArrayGetElement")?;
        // SAFETY: this is SafeArrayGetElement, whose documented signature is that of the type.
        let element = unsafe { std::mem::transmute::<Function, SafeArrayElement>(function) };
        Ok(Self {
            alloc,
            free,
            clear,
            lower,
            upper,
            element,
        })
    }

    fn text(&self, text: &str) -> Text<'_> {
        let units = wide(text);
        // SAFETY: `units` ends in NUL; the answer is null or a string of its own.
        Text(unsafe { (self.alloc)(units.as_ptr()) }, self)
    }
}

/// A string of COM's own kind.
struct Text<'a>(Bstr, &'a Api);

impl Drop for Text<'_> {
    fn drop(&mut self) {
        // SAFETY: the string came from SysAllocString, or is null, and is freed once, here.
        unsafe { (self.1.free)(self.0) };
    }
}

/// An interface pointer that is released when dropped. Never null.
struct Object(Interface);

impl Object {
    /// The function at `slot` of the interface's table.
    ///
    /// # Safety
    /// The interface must have that many functions.
    unsafe fn function(&self, slot: usize) -> Function {
        let object = self.0.cast::<*const Function>();
        // SAFETY: an interface pointer leads to a pointer to its table, for as long as it is not released.
        let table = unsafe { *object };
        // SAFETY: the table has more than `slot` functions, as the caller vouches.
        let place = unsafe { table.add(slot) };
        // SAFETY: as above, `place` is inside the table, which holds function pointers, none of them null.
        unsafe { *place }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: every interface has IUnknown's three functions.
        let function = unsafe { self.function(slot::RELEASE) };
        // SAFETY: the third function of every interface is Release, which takes the interface alone.
        let release = unsafe { std::mem::transmute::<Function, Release>(function) };
        // SAFETY: we hold one reference, given back once, here.
        unsafe { release(self.0) };
    }
}

fn check(call: &'static str, result: Hresult, interface: Interface) -> Result<Object, CallError> {
    if result < 0 || interface.is_null() {
        return Err(CallError::Hresult {
            call,
            code: result as u32,
        });
    }
    Ok(Object(interface))
}

/// The objects that a WQL query finds in a namespace, each with the named properties.
///
/// # Errors
/// When COM is not there (Nano Server), or the HRESULT of the step that refused: 0x8004100E is a namespace that does
/// not exist, 0x80041003 access denied.
pub fn wmi_query(namespace: &str, query: &str, properties: &[&str]) -> Result<Vec<Vec<WmiValue>>, CallError> {
    let api = Api::load()?;
    let services = connect(&api, namespace)?;
    let (language, query) = (api.text("WQL"), api.text(query));
    /// WBEM_FLAG_FORWARD_ONLY and WBEM_FLAG_RETURN_IMMEDIATELY.
    const FLAGS: i32 = 0x30;
    // SAFETY: IWbemServices has ExecQuery at this place.
    let function = unsafe { services.function(slot::SERVICES_EXEC_QUERY) };
    // SAFETY: the function is IWbemServices::ExecQuery, whose signature is that of the type.
    let execute = unsafe { std::mem::transmute::<Function, ExecQuery>(function) };
    let mut found: Interface = std::ptr::null_mut();
    // SAFETY: the services are connected; both texts live; no context; `found` is live.
    let result = unsafe {
        execute(
            services.0,
            language.0,
            query.0,
            FLAGS,
            std::ptr::null_mut(),
            &raw mut found,
        )
    };
    let found = check("ExecQuery", result, found)?;
    let mut rows = Vec::new();
    while rows.len() < MOST {
        let Some(object) = next(&found)? else { break };
        rows.push(
            properties
                .iter()
                .map(|name| property(&api, &object, name))
                .collect(),
        );
    }
    Ok(rows)
}

fn connect(api: &Api, namespace: &str) -> Result<Object, CallError> {
    let library = Library::system32("ole32.dll")?;
    let function = library.function(c"CoInitializeEx")?;
    // SAFETY: this is CoInitializeEx, whose documented signature is that of the type.
    let initialize = unsafe { std::mem::transmute::<Function, CoInitializeEx>(function) };
    // SAFETY: the reserved pointer is null; 0 is the multithreaded apartment. A thread that is in another one already
    // stays there, which serves as well, so the result does not matter.
    unsafe { initialize(std::ptr::null(), 0) };
    let function = library.function(c"CoInitializeSecurity")?;
    // SAFETY: this is CoInitializeSecurity, whose documented signature is that of the type.
    let secure = unsafe { std::mem::transmute::<Function, CoInitializeSecurity>(function) };
    let none = std::ptr::null();
    // SAFETY: the defaults of the documentation: COM chooses, default authentication, impersonation. It can be done
    // once in a process; that it was done already is no failure, so the result does not matter.
    unsafe { secure(none, -1, none, none, 0, 3, none, 0, none) };
    let function = library.function(c"CoCreateInstance")?;
    // SAFETY: this is CoCreateInstance, whose documented signature is that of the type.
    let create = unsafe { std::mem::transmute::<Function, CoCreateInstance>(function) };
    let mut locator: Interface = std::ptr::null_mut();
    // SAFETY: both identifiers are static; no outer object; 1 is an in-process server; `locator` is live.
    let result = unsafe {
        create(
            &raw const CLSID_WBEM_LOCATOR,
            std::ptr::null_mut(),
            1,
            &raw const IID_WBEM_LOCATOR,
            &raw mut locator,
        )
    };
    let locator = check("CoCreateInstance(WbemLocator)", result, locator)?;
    // SAFETY: IWbemLocator has ConnectServer at this place.
    let function = unsafe { locator.function(slot::LOCATOR_CONNECT_SERVER) };
    // SAFETY: the function is IWbemLocator::ConnectServer, whose signature is that of the type.
    let connect = unsafe { std::mem::transmute::<Function, ConnectServer>(function) };
    /// WBEM_FLAG_CONNECT_USE_MAX_WAIT: two minutes at most.
    const MAX_WAIT: i32 = 0x80;
    let namespace = api.text(namespace);
    let mut services: Interface = std::ptr::null_mut();
    let null: Bstr = std::ptr::null_mut();
    // SAFETY: the locator lives; null user, password, locale and authority mean the caller's own; `services` is live.
    let result = unsafe {
        connect(
            locator.0,
            namespace.0,
            null,
            null,
            null,
            MAX_WAIT,
            null,
            std::ptr::null_mut(),
            &raw mut services,
        )
    };
    let services = check("ConnectServer", result, services)?;
    let function = library.function(c"CoSetProxyBlanket")?;
    // SAFETY: this is CoSetProxyBlanket, whose documented signature is that of the type.
    let blanket = unsafe { std::mem::transmute::<Function, CoSetProxyBlanket>(function) };
    // SAFETY: the proxy lives; NTLM or better (10), no authorization service, authentication per call (3),
    // impersonation (3), the caller's identity. Where there is no proxy it fails, and nothing is lost.
    unsafe { blanket(services.0, 10, 0, std::ptr::null(), 3, 3, std::ptr::null(), 0) };
    Ok(services)
}

fn next(found: &Object) -> Result<Option<Object>, CallError> {
    // SAFETY: IEnumWbemClassObject has Next at this place.
    let function = unsafe { found.function(slot::ENUM_NEXT) };
    // SAFETY: the function is IEnumWbemClassObject::Next, whose signature is that of the type.
    let next = unsafe { std::mem::transmute::<Function, Next>(function) };
    let (mut object, mut count): (Interface, u32) = (std::ptr::null_mut(), 0);
    // SAFETY: the enumeration lives; there is room for the one object asked for; `count` is live.
    let result = unsafe { next(found.0, TIMEOUT_MS, 1, &raw mut object, &raw mut count) };
    if result < 0 {
        return Err(CallError::Hresult {
            call: "IEnumWbemClassObject::Next",
            code: result as u32,
        });
    }
    Ok((count == 1 && !object.is_null()).then_some(Object(object)))
}

fn property(api: &Api, object: &Object, name: &str) -> WmiValue {
    // SAFETY: IWbemClassObject has Get at this place.
    let function = unsafe { object.function(slot::OBJECT_GET) };
    // SAFETY: the function is IWbemClassObject::Get, whose signature is that of the type.
    let get = unsafe { std::mem::transmute::<Function, Get>(function) };
    let name = wide(name);
    let mut variant = Variant::default();
    // SAFETY: the object lives; `name` ends in NUL; `variant` is live and empty; type and origin are not asked for.
    let result = unsafe {
        get(
            object.0,
            name.as_ptr(),
            0,
            &raw mut variant,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    if result < 0 {
        return WmiValue::None;
    }
    let [value, _] = variant.value;
    let read = match variant.kind {
        VT_I4 | VT_UI4 => WmiValue::Number(value as u32),
        kind if kind & VT_ARRAY != 0 && matches!(kind & !VT_ARRAY, VT_I4 | VT_UI4) => {
            numbers(api, std::ptr::with_exposed_provenance_mut(value))
        }
        _ => WmiValue::None,
    };
    // SAFETY: the variant was filled by Get and is cleared once, here.
    unsafe { (api.clear)(&raw mut variant) };
    read
}

/// The elements of a one-dimensional array of 32-bit numbers.
fn numbers(api: &Api, array: *mut c_void) -> WmiValue {
    if array.is_null() {
        return WmiValue::None;
    }
    let (mut lower, mut upper) = (0_i32, -1_i32);
    // SAFETY: the array belongs to a variant that is cleared later; `lower` is live.
    let low = unsafe { (api.lower)(array, 1, &raw mut lower) };
    // SAFETY: likewise; `upper` is live.
    let high = unsafe { (api.upper)(array, 1, &raw mut upper) };
    if low < 0 || high < 0 {
        return WmiValue::None;
    }
    let mut numbers = Vec::new();
    for index in (lower..=upper).take(MOST) {
        let mut number = 0_u32;
        // SAFETY: the index is within the array's bounds; its elements are 32 bits wide, as the variant's type says,
        // and `number` is live.
        let got = unsafe { (api.element)(array, &raw const index, (&raw mut number).cast()) };
        if got >= 0 {
            numbers.push(number);
        }
    }
    WmiValue::Numbers(numbers)
}
