//! Prompts for the questions people ask.

use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};

/// One usual question.
struct Question {
    name: &'static str,
    title: &'static str,
    argument: Option<(&'static str, &'static str)>,
    text: &'static str,
}

/// What holds for each answer.
const RULES: &str = "Say only what the evidence in the results shows, with its numbers and the stated confidence. Name the \
    owner of a tag and the holder of the memory separately. Do not uninstall or disable a driver, and do not change the \
    registry, without the user's consent. If `problems` says something could not be read, say what that hides.";

const QUESTIONS: [Question; 5] = [
    Question {
        name: "why-is-my-memory-full",
        title: "Why is my memory full?",
        argument: None,
        text: "My computer's memory is full and Task Manager shows nothing that explains it. Call `diagnose` for this machine, \
            then tell me in plain words what holds the memory, how sure that is, and what I should do first.",
    },
    Question {
        name: "secure-system-grows",
        title: "Why does Secure System use so much memory?",
        argument: None,
        text: "The process Secure System uses a lot of memory. Call `diagnose` for this machine, look at the finding on Secure \
            System and at the pools, and tell me whether the recording shows that it follows kernel pool growth, or does not.",
    },
    Question {
        name: "read-this-recording",
        title: "What does this recording show?",
        argument: Some((
            "path",
            "A recording, PoolMon text, CSV or bundle below an allowed folder",
        )),
        text: "Call `diagnose` with path {path} and summarise: what leaks, how fast, who owns and who holds it, what to do next.",
    },
    Question {
        name: "who-owns-this-tag",
        title: "Who owns this pool tag?",
        argument: Some(("tag", "The pool tag")),
        text: "Call `owner` for the tag {tag} and `explain` for it. Tell me who allocates under it, how that is known, and what its \
            growth usually means.",
    },
    Question {
        name: "did-the-fix-help",
        title: "Did the fix help?",
        argument: Some((
            "before",
            "The recording before the change; ask me for the one after it",
        )),
        text: "I changed something against a kernel memory leak. Call `compare` with before_path {before} and the recording after it, \
            and tell me what got better, what did not, and whether the recordings are long enough to say so.",
    },
];

/// All prompts.
pub(crate) fn list() -> Vec<Prompt> {
    QUESTIONS
        .iter()
        .map(|q| {
            let arguments = q.argument.map(|(name, about)| {
                vec![
                    PromptArgument::new(name)
                        .with_description(about)
                        .with_required(true),
                ]
            });
            Prompt::new(q.name, Some(q.title), arguments)
        })
        .collect()
}

/// The prompt with that name; an error in words when a required argument is missing.
pub(crate) fn get(name: &str, arguments: Option<&JsonObject>) -> Option<Result<GetPromptResult, String>> {
    let question = QUESTIONS.iter().find(|q| q.name == name)?;
    let mut text = question.text.to_owned();
    if let Some((argument, _)) = question.argument {
        let Some(value) = arguments.and_then(|a| a.get(argument)).and_then(|v| v.as_str()) else {
            return Some(Err(format!("prompt {name}: argument `{argument}` is missing")));
        };
        text = text.replace(&format!("{{{argument}}}"), value);
    }
    let message = PromptMessage::new_text(Role::User, format!("{text}\n\n{RULES}"));
    Some(Ok(
        GetPromptResult::new(vec![message]).with_description(question.title)
    ))
}
