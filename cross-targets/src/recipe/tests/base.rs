//! The common base of recipes.

use super::*;

#[test]
fn every_recipe_begins_with_its_base() {
    for build in BUILDS {
        for recipe in
            Target::all().filter_map(|target| target.recipe(build, RustSource::External).ok())
        {
            let base = recipe.base();
            assert_eq!(base, base.base());
            assert!(recipe.packages.starts_with(&base.packages), "{recipe:?}");
            assert!(recipe.exclude.starts_with(&base.exclude), "{recipe:?}");
            // Files that a later glob includes again are not in any base.
            let later = &recipe.exclude[base.exclude.len()..];
            let taken_back = later.iter().filter_map(|glob| glob.strip_prefix('!'));
            for glob in taken_back {
                let of_added = [
                    "/usr/bin/qemu-",
                    "/usr/lib/newlib",
                    "/usr/lib/arm-none-eabi",
                    "/usr/lib/gcc/arm-none-eabi",
                ];
                assert!(
                    of_added.iter().any(|command| glob.starts_with(command)),
                    "{glob}"
                );
            }
        }
    }
}
