// Folders of tests, in the folder that TMPDIR names, or in /tmp.
#ifndef GANTRY_TESTS_SUPPORT_TEST_FOLDER_H
#define GANTRY_TESTS_SUPPORT_TEST_FOLDER_H

enum { TEST_FOLDER_MAX = 256 };

// Makes one whose name begins with gantry- and this, and gives its path; remove_tree removes it. Aborts when none can
// be made.
void test_folder(char out[TEST_FOLDER_MAX], const char *name);

#endif
