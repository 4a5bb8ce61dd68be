#include "tests/billing/faulty_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

namespace billing::test {
namespace {

using Fault = FaultyVfs::Fault;

struct File {
    sqlite3_file base;
    sqlite3_file* real;  // behind this struct, in the same memory
};

sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs faulty_vfs;

sqlite3_file* real(sqlite3_file* file) {
    return reinterpret_cast<File*>(file)->real;
}

void take_step() {
    if (FaultyVfs::n_until_death_ >= 0 && FaultyVfs::n_until_death_-- == 0)
        ::kill(::getpid(), SIGKILL);
}

int close_file(sqlite3_file* f) {
    return real(f)->pMethods->xClose(real(f));
}
int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
    return real(f)->pMethods->xRead(real(f), to, n, at);
}
int write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
    take_step();
    switch (FaultyVfs::fault_.load()) {
        case Fault::full:
            return SQLITE_FULL;
        case Fault::io:
        case Fault::open:
            return SQLITE_IOERR_WRITE;
        case Fault::none:
        case Fault::sync_once:
        case Fault::sync:
            break;
    }
    return real(f)->pMethods->xWrite(real(f), from, n, at);
}
int truncate(sqlite3_file* f, sqlite3_int64 size) {
    return real(f)->pMethods->xTruncate(real(f), size);
}
int sync(sqlite3_file* f, int flags) {
    take_step();
    const int rc = real(f)->pMethods->xSync(real(f), flags);
    Fault once = Fault::sync_once;
    if (FaultyVfs::fault_.compare_exchange_strong(once, Fault::none)) return SQLITE_IOERR_FSYNC;
    return FaultyVfs::fault_ == Fault::sync ? SQLITE_IOERR_FSYNC : rc;
}
int file_size(sqlite3_file* f, sqlite3_int64* size) {
    return real(f)->pMethods->xFileSize(real(f), size);
}
int lock(sqlite3_file* f, int level) {
    return real(f)->pMethods->xLock(real(f), level);
}
int unlock(sqlite3_file* f, int level) {
    return real(f)->pMethods->xUnlock(real(f), level);
}
int check_lock(sqlite3_file* f, int* out) {
    return real(f)->pMethods->xCheckReservedLock(real(f), out);
}
int control(sqlite3_file* f, int op, void* arg) {
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}
int sector_size(sqlite3_file* f) {
    return real(f)->pMethods->xSectorSize(real(f));
}
int characteristics(sqlite3_file* f) {
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** to) {
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, to);
}
int shm_lock(sqlite3_file* f, int at, int n, int flags) {
    return real(f)->pMethods->xShmLock(real(f), at, n, flags);
}
void shm_barrier(sqlite3_file* f) {
    real(f)->pMethods->xShmBarrier(real(f));
}
int shm_unmap(sqlite3_file* f, int remove) {
    return real(f)->pMethods->xShmUnmap(real(f), remove);
}

const sqlite3_io_methods kMethods = {
    2,         close_file, read,    write,       truncate,        sync,    file_size, lock,
    unlock,    check_lock, control, sector_size, characteristics, shm_map, shm_lock,  shm_barrier,
    shm_unmap, nullptr,    nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags, int* out_flags) {
    auto* file = reinterpret_cast<File*>(f);
    file->base.pMethods = nullptr;
    if (FaultyVfs::fault_ == Fault::open) return SQLITE_CANTOPEN;
    file->real = reinterpret_cast<sqlite3_file*>(file + 1);
    const int rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
    if (file->real->pMethods != nullptr) file->base.pMethods = &kMethods;
    return rc;
}

}  // namespace

std::atomic<FaultyVfs::Fault> FaultyVfs::fault_ = FaultyVfs::Fault::none;
std::atomic<int64_t> FaultyVfs::n_until_death_ = -1;

FaultyVfs::FaultyVfs() {
    fault_ = Fault::none;
    sqlite3_initialize();
    real_vfs = sqlite3_vfs_find(nullptr);
    faulty_vfs = *real_vfs;
    faulty_vfs.zName = "faulty";
    faulty_vfs.szOsFile = static_cast<int>(sizeof(File)) + real_vfs->szOsFile;
    faulty_vfs.xOpen = open_file;
    sqlite3_vfs_register(&faulty_vfs, 1);
}

FaultyVfs::~FaultyVfs() {
    fault_ = Fault::none;
    sqlite3_vfs_unregister(&faulty_vfs);
    sqlite3_vfs_register(real_vfs, 1);
}

}  // namespace billing::test
