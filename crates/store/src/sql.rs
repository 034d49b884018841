//! Query texts: static, and where the databases differ, both of them.

/// One query in the words of each database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl From<&'static str> for Sql {
    /// The same for both.
    fn from(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

/// `sql!["SELECT … ", postgres "FOR UPDATE", sqlite "", " …"]`: pieces put together at compile time, for both or for one database.
macro_rules! sql {
    (@ [$($s:expr),*] [$($p:expr),*]) => {
        $crate::sql::Sql { sqlite: concat!($($s),*), postgres: concat!($($p),*) }
    };
    (@ [$($s:expr),*] [$($p:expr),*] postgres $text:literal $(, $($rest:tt)*)?) => {
        $crate::sql::sql!(@ [$($s),*] [$($p,)* $text] $($($rest)*)?)
    };
    (@ [$($s:expr),*] [$($p:expr),*] sqlite $text:literal $(, $($rest:tt)*)?) => {
        $crate::sql::sql!(@ [$($s,)* $text] [$($p),*] $($($rest)*)?)
    };
    (@ [$($s:expr),*] [$($p:expr),*] $text:literal $(, $($rest:tt)*)?) => {
        $crate::sql::sql!(@ [$($s,)* $text] [$($p,)* $text] $($($rest)*)?)
    };
    ($($pieces:tt)*) => { $crate::sql::sql!(@ [] [] $($pieces)*) };
}
pub(crate) use sql;

#[cfg(test)]
mod tests {
    #[test]
    fn pieces_go_where_they_belong() {
        let text = sql!["SELECT 1", postgres " FOR UPDATE", sqlite " LIMIT 1", ";"];
        assert_eq!(text.sqlite, "SELECT 1 LIMIT 1;");
        assert_eq!(text.postgres, "SELECT 1 FOR UPDATE;");
    }
}
