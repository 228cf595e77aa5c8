#include "engine/admin/admin_socket.h"

#include "engine/admin/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Binds or connects through the folder's descriptor, so that the address is short.
static int through_folder(const char *folder, bool listens)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/" ADMIN_SOCKET_NAME, dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0;
    if (good && listens) {
        (void)unlinkat(dir, ADMIN_SOCKET_NAME, 0);
        // The mode that bind gives it: nobody else ever finds it open.
        good = fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
               fchmodat(dir, ADMIN_SOCKET_NAME, 0600, 0) == 0 && listen(fd, 8) == 0;
    } else if (good) {
        good = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    }
    const int error = errno;
    if (!good && fd >= 0) {
        close(fd);
        fd = -1;
    }
    close(dir);
    errno = error;
    return fd;
}

int admin_socket_listen(const char *folder)
{
    return through_folder(folder, true);
}

void admin_socket_remove(const char *folder)
{
    const int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return;
    (void)unlinkat(dir, ADMIN_SOCKET_NAME, 0);
    close(dir);
}

int admin_socket_connect(const char *folder)
{
    return through_folder(folder, false);
}

bool admin_socket_send(int fd, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len > 0) {
        const ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}
