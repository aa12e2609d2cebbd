"""An app that is there but cannot be imported: it needs a package that nobody installs."""

import a_package_that_nobody_has  # type: ignore[import-not-found]

app = a_package_that_nobody_has.app
