// write.c - an image as a file: NumPy .npy, VTK .vti, HDF5, raw bytes. Always one byte per voxel, x fastest, z slowest.
//
// .npy is written in Fortran order and .vti with appended raw data, so that the bytes of the ranks follow each other in the file and each rank writes its
// own. HDF5 is compressed. Not done: TIFF, thresholds, spacing in formats that have no place for it.
#include "voxel_impl.h"
#include <stdio.h>
#include <string.h>

static PetscErrorCode WriteHdf5(
  SnaVoxels voxels, const char path[], const char dataset[], char message[SNA_MAX_MESSAGE])
{
  char    name[PETSC_MAX_PATH_LEN];
  SnaFile file;

  PetscFunctionBeginUser;
  if (!dataset) dataset = "/phase";
  (void)snprintf(name, sizeof(name), "%s%s", *dataset == '/' ? "" : "/", dataset);
  PetscCall(SnaFileCreate(voxels->comm, path, &file));
  PetscCall(SnaFileWriteImage(file, name, voxels->n, voxels->nz, voxels->phase));
  PetscCall(SnaFileClose(&file, message));
  PetscFunctionReturn(0);
}

// The header's length is a multiple of 64.
static size_t NpyHead(SnaVoxels voxels, char head[256])
{
  char      text[128];
  int       n = snprintf(text, sizeof(text), "{'descr': '|u1', 'fortran_order': True, 'shape': (%lld, %lld, %lld), }",
          (long long)voxels->n[0], (long long)voxels->n[1], (long long)voxels->n[2]);
  const int length = (10 + n + 1 + 63) / 64 * 64 - 10;

  memcpy(head, "\x93NUMPY\x01", 8); // version 1.0
  head[8] = (char)(length % 256);
  head[9] = (char)(length / 256);
  (void)snprintf(head + 10, 246, "%-*s\n", length - 1, text);
  return (size_t)length + 10;
}

static size_t VtiHead(SnaVoxels voxels, char head[1024])
{
  const long long n[3]  = {(long long)voxels->n[0], (long long)voxels->n[1], (long long)voxels->n[2]};
  const double   *h     = voxels->h;
  const uint64_t  bytes = (uint64_t)n[0] * (uint64_t)n[1] * (uint64_t)n[2];
  const int       text  = snprintf(head, 1024 - sizeof(bytes),
           "<?xml version=\"1.0\"?>\n"
                  "<VTKFile type=\"ImageData\" version=\"1.0\" byte_order=\"%s\" header_type=\"UInt64\">\n"
                  "  <ImageData WholeExtent=\"0 %lld 0 %lld 0 %lld\" Origin=\"0 0 0\" Spacing=\"%.17g %.17g %.17g\">\n"
                  "    <Piece Extent=\"0 %lld 0 %lld 0 %lld\">\n"
                  "      <CellData Scalars=\"phase\">\n"
                  "        <DataArray type=\"UInt8\" Name=\"phase\" format=\"appended\" offset=\"0\"/>\n"
                  "      </CellData>\n"
                  "    </Piece>\n"
                  "  </ImageData>\n"
                  "  <AppendedData encoding=\"raw\">\n"
                  "   _",
    SnaIsBigEndian() ? "BigEndian" : "LittleEndian", n[0], n[1], n[2], h[0], h[1], h[2], n[0], n[1], n[2]);

  memcpy(head + text, &bytes, sizeof(bytes));
  return (size_t)text + sizeof(bytes);
}

PetscErrorCode SnaVoxelsWrite(SnaVoxels voxels, const char path[], char message[SNA_MAX_MESSAGE])
{
  const size_t nlocal = (size_t)voxels->n[0] * (size_t)voxels->n[1] * (size_t)voxels->nz;
  size_t       nhead  = 0;
  char         file[PETSC_MAX_PATH_LEN], head[1024];
  const char  *dataset, *tail = "";

  PetscFunctionBeginUser;
  message[0] = 0;
  if (SnaPathSplitHdf5(path, file, &dataset)) {
    PetscCall(WriteHdf5(voxels, file, dataset, message));
    PetscFunctionReturn(0);
  }
  if (SnaPathEndsWith(path, ".tif") || SnaPathEndsWith(path, ".tiff")) {
    SnaMessageSet(message, "%s: TIFF is read but not written; choose .npy, .vti or .h5", path);
    PetscFunctionReturn(0);
  }
  if (SnaPathEndsWith(path, ".npy"))
    nhead = NpyHead(voxels, head);
  else if (SnaPathEndsWith(path, ".vti")) {
    nhead = VtiHead(voxels, head);
    tail  = "\n  </AppendedData>\n</VTKFile>\n";
  }
  PetscCall(SnaBytesWrite(voxels->comm, path, nhead, head, nlocal, voxels->phase, strlen(tail), tail, message));
  PetscFunctionReturn(0);
}
