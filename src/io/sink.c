// sink.c - an HDF5 file driver whose writes never fail.
//
// HDF5 keeps a file open when the writes of its closing fail, tries again when the process ends, and through MPI-IO it
// leaves the ranks that saw no error waiting for ever (HDF5 1.10.8 on a full disk: the run hangs in H5Dwrite or
// H5Fclose). So files are written by this driver on rank 0: the first refusal of the system is noted in the SnaSink
// and, from then on, writes vanish. HDF5 always closes cleanly, and SnaFileClose() finds the error and removes the
// file. What is distributed over the ranks bypasses HDF5: it allocates the dataset, and every rank writes its own part
// at the address that HDF5 tells (SnaFileWriteRows) or that this driver sees (SnaFileWriteGrid, `placing`). The files
// are ordinary HDF5 files, one flat address space from byte 0.
//
// Reference: HDF5 Virtual File Layer, H5FDpublic.h (H5FDdevelop.h from 1.14 on).
#include "io_impl.h"
#include <H5FDpublic.h>
#if H5_VERSION_GE(1, 13, 0)
#  include <H5FDdevelop.h>
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  H5FD_t public;
  SnaSink *sink;
  haddr_t  end_allocated, end_written;
} SinkFile;

typedef struct {
  SnaSink *sink;
} SinkInfo;

static H5FD_t *SinkOpen(const char *name, unsigned flags, hid_t fapl, haddr_t limit)
{
  const SinkInfo *info = (const SinkInfo *)H5Pget_driver_info(fapl);
  SinkFile       *file;

  (void)name;
  (void)flags;
  (void)limit;
  if (!info) return NULL;
  file = (SinkFile *)calloc(1, sizeof(*file));
  if (file) file->sink = info->sink;
  return (H5FD_t *)file;
}

static herr_t SinkClose(H5FD_t *handle)
{
  free(handle);
  return 0;
}

static herr_t SinkQuery(const H5FD_t *handle, unsigned long *flags)
{
  (void)handle;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA |
           H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t SinkGetEndAllocated(const H5FD_t *handle, H5FD_mem_t type)
{
  (void)type;
  return ((const SinkFile *)handle)->end_allocated;
}

static herr_t SinkSetEndAllocated(H5FD_t *handle, H5FD_mem_t type, haddr_t end)
{
  (void)type;
  ((SinkFile *)handle)->end_allocated = end;
  return 0;
}

static haddr_t SinkGetEndWritten(const H5FD_t *handle, H5FD_mem_t type)
{
  (void)type;
  return ((const SinkFile *)handle)->end_written;
}

static herr_t SinkRead(H5FD_t *handle, H5FD_mem_t type, hid_t dxpl, haddr_t address, size_t bytes, void *data)
{
  SnaSink *sink = ((SinkFile *)handle)->sink;
  char    *to   = (char *)data;

  (void)type;
  (void)dxpl;
  while (bytes && !sink->error && sink->fd >= 0) {
    const ssize_t done = pread(sink->fd, to, bytes, (off_t)address);

    if (done < 0 && errno == EINTR) continue;
    if (done < 0) sink->error = errno;
    if (done <= 0) break;
    to += done;
    address += (haddr_t)done;
    bytes -= (size_t)done;
  }
  memset(to, 0, bytes); // beyond the end, as every driver of HDF5 does
  return 0;
}

static herr_t SinkWrite(H5FD_t *handle, H5FD_mem_t type, hid_t dxpl, haddr_t address, size_t bytes, const void *data)
{
  SinkFile   *file = (SinkFile *)handle;
  SnaSink    *sink = file->sink;
  const char *from = (const char *)data;

  (void)dxpl;
  if (address + bytes > file->end_written) file->end_written = address + bytes;
  if (sink->placing && type == H5FD_MEM_DRAW) {
    sink->place = address;
    sink->bytes += bytes;
    return 0;
  }
  while (bytes && !sink->error && sink->fd >= 0) {
    const ssize_t done = pwrite(sink->fd, from, bytes, (off_t)address);

    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      sink->error = done < 0 ? errno : ENOSPC;
      break;
    }
    from += done;
    address += (haddr_t)done;
    bytes -= (size_t)done;
  }
  return 0;
}

static herr_t SinkTruncate(H5FD_t *handle, hid_t dxpl, hbool_t closing)
{
  SinkFile *file = (SinkFile *)handle;
  SnaSink  *sink = file->sink;

  (void)dxpl;
  (void)closing;
  if (!sink->error && sink->fd >= 0 && ftruncate(sink->fd, (off_t)file->end_allocated)) sink->error = errno;
  file->end_written = file->end_allocated;
  return 0;
}

static const H5FD_class_t sink_class = {
#ifdef H5FD_CLASS_VERSION
  .version = H5FD_CLASS_VERSION,
  .value   = (H5FD_class_value_t)600, // above H5_VFD_RESERVED; never stored in a file
#endif
  .name      = "sna_sink",
  .maxaddr   = ((haddr_t)1 << 62) - 1,
  .fc_degree = H5F_CLOSE_STRONG,
  .fapl_size = sizeof(SinkInfo),
  .open      = SinkOpen,
  .close     = SinkClose,
  .query     = SinkQuery,
  .get_eoa   = SinkGetEndAllocated,
  .set_eoa   = SinkSetEndAllocated,
  .get_eof   = SinkGetEndWritten,
  .read      = SinkRead,
  .write     = SinkWrite,
  .truncate  = SinkTruncate,
  .fl_map    = H5FD_FLMAP_DICHOTOMY,
};

hid_t SnaSinkCreateFile(SnaSink *sink, const char path[], hid_t fcpl, hid_t fapl)
{
  const SinkInfo info   = {sink};
  const hid_t    driver = H5FDregister(&sink_class); // an open file holds a reference of its own
  hid_t          h5     = -1;

  if (driver < 0) return -1;
  if (H5Pset_driver(fapl, driver, &info) >= 0) h5 = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl);
  (void)H5FDunregister(driver);
  return h5;
}
