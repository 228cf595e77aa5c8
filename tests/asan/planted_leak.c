// Leaks on purpose: shows that the unit suite's run fails when the sanitizer reports anything, even from a test whose
// assertions hold.
#include <criterion/criterion.h>
#include <stdlib.h>

Test(planted, leak)
{
    void *volatile lost = malloc(100);
    cr_assert_not_null(lost);
    lost = NULL;
}
