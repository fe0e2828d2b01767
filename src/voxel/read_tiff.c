// read_tiff.c - TIFF stacks: pages are z, rows of a page y, its columns x.
//
// Rank 0 walks through all pages, which must be alike; each rank then reads its own ones row by row. One number per voxel: 1 bit, integers of 8 to
// 64 bits, floating point of 32 and 64; a palette's indices are the numbers, and where the file says that 0 is white, numbers are turned over, so that
// black is 0. Not done: colours, tiles, images of lower resolution, the stacks of more than 4 GB that ImageJ writes as one page.
//
// Reference: TIFF 6.0; libtiff.
#include "voxel_impl.h"
#include <sna_config.h>
#include <unistd.h>
#if SNA_HAVE_TIFF
#  include <stdio.h>
#  include <stdlib.h>
#  include <string.h>
#  include <tiffio.h>

// Opens the file, not mapped into memory, with libtiff's own words switched off; NULL and a message otherwise.
static TIFF *Open(const char path[], char message[SNA_MAX_MESSAGE])
{
  int64_t   size;
  TIFF     *tiff;
  const int fd = SnaOpenToRead(path, &size, message);

  if (fd < 0) return NULL;
  (void)TIFFSetErrorHandler(NULL);
  (void)TIFFSetWarningHandler(NULL);
  tiff = TIFFFdOpen(fd, path, "rm");
  if (!tiff) {
    SnaMessageSet(message, "%s: not a TIFF file, or truncated before its first page", path);
    (void)close(fd);
  }
  return tiff;
}

// What the present page holds, as a header of one plane.
static void PageHeader(TIFF *tiff, const char path[], long page, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  uint32_t nx = 0, ny = 0;
  uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, photometric = PHOTOMETRIC_MINISBLACK;

  (void)TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &nx);
  (void)TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &ny);
  (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  (void)TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
  header->n[0]         = nx <= PETSC_MAX_INT ? (PetscInt)nx : 0;
  header->n[1]         = ny <= PETSC_MAX_INT ? (PetscInt)ny : 0;
  header->bits         = bits == 1 ? PETSC_TRUE : PETSC_FALSE;
  header->inverted     = photometric == PHOTOMETRIC_MINISWHITE ? PETSC_TRUE : PETSC_FALSE;
  header->number.kind  = format == SAMPLEFORMAT_IEEEFP ? 'f' : format == SAMPLEFORMAT_INT ? 'i' : 'u';
  header->number.bytes = bits == 1 ? 1 : bits / 8;
  if (samples != 1)
    SnaMessageSet(message, "%s: page %ld has %d numbers per voxel (colours?); save it in grey", path, page, samples);
  else if (TIFFIsTiled(tiff))
    SnaMessageSet(message, "%s: page %ld is stored in tiles; save it in strips", path, page);
  else if ((bits != 1 && bits != 8 && bits != 16 && bits != 32 && bits != 64) ||
           (format == SAMPLEFORMAT_IEEEFP && bits < 32) || format > SAMPLEFORMAT_IEEEFP)
    SnaMessageSet(message,
      "%s: page %ld has numbers of %d bits of a kind that cannot be read; save it in grey with 8 bits", path, page,
      bits);
  else if (header->inverted && header->number.kind != 'u')
    SnaMessageSet(
      message, "%s: page %ld: 0 is white, and the numbers have a sign; save it with black as 0", path, page);
}

static PetscErrorCode TiffInfo(
  MPI_Comm comm, const SnaVoxelsFile *file, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  const char *path  = file->file;
  char       *text  = NULL, *images;
  long        pages = 1;
  TIFF       *tiff  = Open(path, message);

  (void)comm;
  PetscFunctionBeginUser;
  if (!tiff) PetscFunctionReturn(0);
  PageHeader(tiff, path, 0, header, message);
  if (TIFFGetField(tiff, TIFFTAG_IMAGEDESCRIPTION, &text) && !strncmp(text, "ImageJ=", 7) && TIFFLastDirectory(tiff)) {
    images = strstr(text, "images=");
    if (images && atol(images + 7) > 1)
      SnaMessageSet(message,
        "%s: ImageJ wrote %ld images as one page, which only ImageJ reads; save it there as raw data", path,
        atol(images + 7));
  }
  for (; !message[0] && !TIFFLastDirectory(tiff); pages++) {
    SnaVoxelsHeader page = {.cells = 1};

    if (!TIFFReadDirectory(tiff)) {
      SnaMessageSet(message, "%s: truncated or damaged: page %ld, counted from 0, cannot be read", path, pages);
      break;
    }
    PageHeader(tiff, path, pages, &page, message);
    if (page.n[0] != header->n[0] || page.n[1] != header->n[1] || page.bits != header->bits ||
        page.inverted != header->inverted || page.number.kind != header->number.kind ||
        page.number.bytes != header->number.bytes)
      SnaMessageSet(message,
        "%s: page %ld, of %lld x %lld numbers of %d bytes, is not like page 0, of %lld x %lld of %d", path, pages,
        (long long)page.n[0], (long long)page.n[1], page.number.bytes, (long long)header->n[0], (long long)header->n[1],
        header->number.bytes);
  }
  header->n[2] = (PetscInt)pages;
  TIFFClose(tiff);
  PetscFunctionReturn(0);
}

static PetscErrorCode TiffRead(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, PetscInt cell,
  SnaVoxels voxels, char message[SNA_MAX_MESSAGE])
{
  const size_t   nx = (size_t)voxels->n[0], bytes = nx * (size_t)header->number.bytes;
  const PetscInt ny = voxels->n[1];
  unsigned char *row;
  TIFF          *tiff = Open(file->file, message);

  (void)cell;
  PetscFunctionBeginUser;
  if (!tiff) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1(bytes, &row));
  if (!TIFFSetDirectory(tiff, (tdir_t)voxels->z0) || (size_t)TIFFScanlineSize64(tiff) > bytes)
    SnaMessageSet(message, "%s: changed while it was read", file->file);
  for (PetscInt k = 0; k < voxels->nz && !message[0]; k++) {
    if (k && !TIFFReadDirectory(tiff)) SnaMessageSet(message, "%s: changed while it was read", file->file);
    for (PetscInt j = 0; j < ny && !message[0]; j++) {
      const int64_t line = (int64_t)k * ny + j;

      if (TIFFReadScanline(tiff, row, (uint32_t)j, 0) < 0) {
        SnaMessageSet(message, "%s: truncated or damaged: row %lld of page %lld, counted from 0, cannot be read",
          file->file, (long long)j, (long long)(voxels->z0 + k));
        break;
      }
      if (header->bits) {
        for (size_t i = nx; i-- > 0;) row[i] = row[i / 8] >> (7 - i % 8) & 1; // backwards: in place
      }
      for (size_t i = 0; header->inverted && i < bytes; i++) row[i] = header->bits ? !row[i] : (unsigned char)~row[i];
      SnaNumbersToPhases(file, header, (int64_t)voxels->z0 * ny * (int64_t)nx + line * (int64_t)nx, nx, row,
        voxels->phase + (size_t)line * nx, message);
    }
  }
  PetscCall(PetscFree(row));
  TIFFClose(tiff);
  PetscFunctionReturn(0);
}

#else

static void Refuse(const SnaVoxelsFile *file, char message[SNA_MAX_MESSAGE])
{
  SnaMessageSet(message,
    "%s: this program was built without libtiff; install libtiff-dev and build again, or save the image as .npy",
    file->file);
}

static PetscErrorCode TiffInfo(
  MPI_Comm comm, const SnaVoxelsFile *file, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  (void)comm;
  (void)header;
  PetscFunctionBeginUser;
  Refuse(file, message);
  PetscFunctionReturn(0);
}

static PetscErrorCode TiffRead(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, PetscInt cell,
  SnaVoxels voxels, char message[SNA_MAX_MESSAGE])
{
  (void)header;
  (void)cell;
  (void)voxels;
  PetscFunctionBeginUser;
  Refuse(file, message);
  PetscFunctionReturn(0);
}

#endif

const SnaVoxelsFormat SnaVoxelsFormatTiff = {.ending = {".tif", ".tiff"}, .info = TiffInfo, .read = TiffRead};
