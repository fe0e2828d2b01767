// read_vti.c - VTK ImageData files (.vti): the array of phases among the cell or point arrays.
//
// Of the XML only the tags are looked at, one after the other, until the wanted array and the appended data are found; every rank then decodes the
// array up to the end of its planes (vti_stream.c). Cell data have one value per cell of the extent; point data are taken as the voxels themselves.
// Not done: several pieces, arrays of several components, compressors other than zlib; origin, spacing and direction are not looked at.
#include "voxel_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES ((int64_t)1 << 20)
#define TAG_BYTES    4096

// ---------------------------------------------------------------------------------------------------------------------
// Tags
// ---------------------------------------------------------------------------------------------------------------------
static void SkipComment(SnaCharacters *c)
{
  int x, dashes = 0;

  while ((x = SnaCharactersNext(c)) >= 0 && !(x == '>' && dashes >= 2)) dashes = x == '-' ? dashes + 1 : 0;
}

// The next tag without its brackets, cut at TAG_BYTES; FALSE at the end of the file.
static PetscBool NextTag(SnaCharacters *c, char tag[TAG_BYTES])
{
  int x, quote = 0;

  for (size_t n = 0;; n = 0) {
    do {
      x = SnaCharactersNext(c);
    } while (x >= 0 && x != '<');
    while ((x = SnaCharactersNext(c)) >= 0 && (x != '>' || quote)) {
      if (n < TAG_BYTES - 1) tag[n++] = (char)x;
      if (n == 3 && !memcmp(tag, "!--", 3)) break;
      if (quote ? x == quote : x == '"' || x == '\'') quote = quote ? 0 : x;
    }
    tag[n] = 0;
    if (x < 0) return PETSC_FALSE;
    if (strcmp(tag, "!--")) return PETSC_TRUE;
    SkipComment(c);
  }
}

static PetscBool IsTag(const char tag[], const char name[])
{
  const size_t n = strlen(name);

  return !strncmp(tag, name, n) && strchr(" \t\r\n/", tag[n]) ? PETSC_TRUE : PETSC_FALSE; // NUL is found, too
}

// The value of an attribute; empty, and FALSE, when there is none.
static PetscBool Attribute(const char tag[], const char name[], char value[256])
{
  const size_t n = strlen(name);

  value[0] = 0;
  for (const char *at = strstr(tag, name); at; at = strstr(at + 1, name)) {
    const char *from = at + n + strspn(at + n, " \t\r\n"), *end;

    if (at == tag || !strchr(" \t\r\n", at[-1]) || *from != '=') continue;
    from += 1 + strspn(from + 1, " \t\r\n");
    end = *from == '"' || *from == '\'' ? strchr(from + 1, *from) : NULL;
    if (!end) continue;
    (void)snprintf(value, 256, "%.*s", (int)PetscMin(end - from - 1, 255), from + 1);
    return PETSC_TRUE;
  }
  return PETSC_FALSE;
}

// ---------------------------------------------------------------------------------------------------------------------
// The file
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  char    tag[TAG_BYTES]; // empty: not found
  int64_t text;           // offset in the file of what follows it
} Array;

typedef struct {
  char      file_tag[TAG_BYTES], image_tag[TAG_BYTES], piece_tag[TAG_BYTES], appended_tag[TAG_BYTES];
  int       pieces;
  int64_t   appended;    // offset in the file of the byte after "_"
  Array     cell, point; // the wanted one of each
  char      names[256];  // of all arrays
  PetscBool whole;       // the closing tag, or the appended data, was reached
} Scan;

static void KeepArray(Scan *scan, Array *array, const char tag[], int64_t text, const char wanted[])
{
  const size_t at = strlen(scan->names);
  char         name[256];

  (void)Attribute(tag, "Name", name);
  (void)snprintf(scan->names + at, sizeof(scan->names) - at, "%s`%s`", at ? ", " : "", name);
  if (array->tag[0] || (wanted && strcmp(wanted, name))) return;
  (void)strcpy(array->tag, tag);
  array->text = text;
}

static void ScanFile(SnaCharacters *c, const char wanted[], Scan *scan)
{
  char   tag[TAG_BYTES];
  Array *section = NULL;
  int    x;

  while (NextTag(c, tag)) {
    if (IsTag(tag, "VTKFile"))
      (void)strcpy(scan->file_tag, tag);
    else if (IsTag(tag, "ImageData"))
      (void)strcpy(scan->image_tag, tag);
    else if (IsTag(tag, "Piece")) {
      if (!scan->pieces++) (void)strcpy(scan->piece_tag, tag);
    } else if (IsTag(tag, "CellData"))
      section = &scan->cell;
    else if (IsTag(tag, "PointData"))
      section = &scan->point;
    else if (IsTag(tag, "/CellData") || IsTag(tag, "/PointData"))
      section = NULL;
    else if (IsTag(tag, "DataArray") && section)
      KeepArray(scan, section, tag, SnaCharactersOffset(c), wanted);
    else if (IsTag(tag, "/VTKFile"))
      scan->whole = PETSC_TRUE;
    else if (IsTag(tag, "AppendedData")) {
      (void)strcpy(scan->appended_tag, tag);
      do {
        x = SnaCharactersNext(c);
      } while (x >= 0 && x != '_');
      scan->appended = SnaCharactersOffset(c);
      scan->whole    = PETSC_TRUE;
      return;
    }
  }
}

static void ArrayType(
  const char path[], const char name[], const char type[], SnaVoxelsNumber *number, char message[SNA_MAX_MESSAGE])
{
  static const struct {
    const char     *name;
    SnaVoxelsNumber number;
  } types[] = {{"UInt8", {'u', 1, PETSC_FALSE}}, {"Int8", {'i', 1, PETSC_FALSE}}, {"UInt16", {'u', 2, PETSC_FALSE}},
    {"Int16", {'i', 2, PETSC_FALSE}}, {"UInt32", {'u', 4, PETSC_FALSE}}, {"Int32", {'i', 4, PETSC_FALSE}},
    {"UInt64", {'u', 8, PETSC_FALSE}}, {"Int64", {'i', 8, PETSC_FALSE}}, {"Float32", {'f', 4, PETSC_FALSE}},
    {"Float64", {'f', 8, PETSC_FALSE}}};

  for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
    if (!strcmp(types[t].name, type)) {
      *number = types[t].number;
      return;
    }
  }
  SnaMessageSet(message, "%s: array `%s` has the type `%s`, which cannot be read; save it as UInt8", path, name, type);
}

// What the tags say goes into the header. size: of the file.
static void Understand(
  const SnaVoxelsFile *file, int64_t size, const Scan *scan, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  const Array    *array = scan->cell.tag[0] ? &scan->cell : &scan->point;
  const PetscBool cells = scan->cell.tag[0] ? PETSC_TRUE : PETSC_FALSE;
  const char     *path  = file->file;
  char            name[256], value[256];
  PetscBool       big;
  long long       e[6];
  double          limit;

  if (!scan->file_tag[0]) {
    SnaMessageSet(message, "%s: not a VTK XML file", path);
    return;
  }
  (void)Attribute(scan->file_tag, "type", value);
  if (strcmp(value, "ImageData"))
    SnaMessageSet(message, "%s: a VTK file of type `%s`, `ImageData` is expected", path, value);
  else if (!scan->whole && !array->tag[0])
    SnaMessageSet(message, "%s: truncated: the file ends before its first array", path);
  else if (file->array && !array->tag[0])
    SnaMessageSet(
      message, "%s: has no array `%s`%s%s", path, file->array, scan->names[0] ? "; it has " : "", scan->names);
  else if (!array->tag[0])
    SnaMessageSet(message, "%s: has neither a cell array nor a point array", path);
  else if (scan->pieces > 1)
    SnaMessageSet(message, "%s: cut into %d pieces; save it in one", path, scan->pieces);
  else if (!Attribute(scan->piece_tag, "Extent", value) ||
           sscanf(value, "%lld %lld %lld %lld %lld %lld", &e[0], &e[1], &e[2], &e[3], &e[4], &e[5]) != 6)
    SnaMessageSet(message, "%s: damaged: no extent", path);
  else if (Attribute(scan->image_tag, "WholeExtent", name) && strcmp(name, value))
    SnaMessageSet(message, "%s: holds the piece %s of the whole extent %s; save it in one piece", path, value, name);
  if (message[0]) return;
  for (int d = 0; d < 3; d++) {
    const long long n = e[2 * d + 1] - e[2 * d] + (cells ? 0 : 1);

    if (n > PETSC_MAX_INT || n < 0) SnaMessageSet(message, "%s: damaged: the extent %s", path, value);
    header->n[d] = (PetscInt)n;
  }
  (void)Attribute(array->tag, "Name", name);
  if (Attribute(array->tag, "NumberOfComponents", value) && atoi(value) != 1)
    SnaMessageSet(message, "%s: array `%s` has %s components per voxel, one is expected; choose another with `array`",
      path, name, value);
  (void)Attribute(array->tag, "type", value);
  ArrayType(path, name, value, &header->number, message);
  (void)Attribute(scan->file_tag, "byte_order", value);
  big                 = value[0] ? !strcmp(value, "BigEndian") : SnaIsBigEndian();
  header->word_swap   = big != SnaIsBigEndian() ? PETSC_TRUE : PETSC_FALSE;
  header->number.swap = header->word_swap;
  (void)Attribute(scan->file_tag, "header_type", value);
  header->word = strcmp(value, "UInt64") ? 4 : 8;
  if (Attribute(scan->file_tag, "compressor", value)) header->zlib = PETSC_TRUE;
  if (header->zlib && strcmp(value, "vtkZLibDataCompressor"))
    SnaMessageSet(message, "%s: compressed by `%s`; save it with vtkZLibDataCompressor or uncompressed", path, value);
  (void)Attribute(array->tag, "format", value);
  header->offset = array->text;
  if (!strcmp(value, "ascii")) {
    header->ascii  = PETSC_TRUE;
    header->number = (SnaVoxelsNumber){'f', 8, PETSC_FALSE}; // as they come from the stream
  } else if (!strcmp(value, "binary"))
    header->base64 = PETSC_TRUE;
  else if (strcmp(value, "appended"))
    SnaMessageSet(message, "%s: array `%s` has the unknown format `%s`", path, name, value);
  else if (!scan->appended)
    SnaMessageSet(message, "%s: truncated: the appended data are missing", path);
  else {
    (void)Attribute(scan->appended_tag, "encoding", value);
    header->base64 = strcmp(value, "raw") ? PETSC_TRUE : PETSC_FALSE;
    (void)Attribute(array->tag, "offset", value);
    header->offset = scan->appended + strtoll(value, NULL, 10);
  }
  // Before memory is asked for: zlib compresses to no less than a thousandth, a number in ascii (8 bytes here) has two characters.
  limit = (double)size * (header->zlib ? 1100 : header->ascii ? 4 : 1);
  if ((double)header->n[0] * (double)header->n[1] * (double)header->n[2] * header->number.bytes > limit + 64)
    SnaMessageSet(message, "%s: truncated or damaged: %lld bytes cannot hold %lld x %lld x %lld voxels", path,
      (long long)size, (long long)header->n[0], (long long)header->n[1], (long long)header->n[2]);
}

static PetscErrorCode VtiInfo(
  MPI_Comm comm, const SnaVoxelsFile *file, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  SnaCharacters *characters;
  Scan          *scan;
  int64_t        size;
  const int      fd = SnaOpenToRead(file->file, &size, message);

  (void)comm;
  PetscFunctionBeginUser;
  if (fd < 0) PetscFunctionReturn(0);
  PetscCall(PetscNew(&characters));
  PetscCall(PetscNew(&scan));
  SnaCharactersStart(characters, fd, 0);
  ScanFile(characters, file->array, scan);
  Understand(file, size, scan, header, message);
  PetscCall(PetscFree(scan));
  PetscCall(PetscFree(characters));
  (void)close(fd);
  PetscFunctionReturn(0);
}

static PetscErrorCode VtiRead(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, PetscInt cell, SnaVoxels voxels,
  char message[SNA_MAX_MESSAGE])
{
  const int64_t plane = (int64_t)voxels->n[0] * voxels->n[1], bytes = header->number.bytes;
  const int64_t first = voxels->z0 * plane, count = voxels->nz * plane, block = BUFFER_BYTES / bytes;
  int64_t       size;
  void         *buffer;
  SnaVtiStream  stream = NULL;
  const int     fd     = SnaOpenToRead(file->file, &size, message);

  (void)cell;
  PetscFunctionBeginUser;
  if (fd < 0) PetscFunctionReturn(0);
  PetscCall(PetscMalloc((size_t)BUFFER_BYTES, &buffer));
  PetscCall(SnaVtiStreamCreate(fd, file->file, header, plane * voxels->n[2] * bytes, &stream, message));
  if (stream) PetscCall(SnaVtiStreamRead(stream, first * bytes, NULL, message));
  for (int64_t done = 0; done < count && !message[0]; done += block) {
    const int64_t n = PetscMin(block, count - done);

    PetscCall(SnaVtiStreamRead(stream, n * bytes, buffer, message));
    if (!message[0]) SnaNumbersToPhases(file, header, first + done, (size_t)n, buffer, voxels->phase + done, message);
  }
  PetscCall(SnaVtiStreamDestroy(&stream));
  PetscCall(PetscFree(buffer));
  (void)close(fd);
  PetscFunctionReturn(0);
}

const SnaVoxelsFormat SnaVoxelsFormatVti = {.ending = {".vti"}, .info = VtiInfo, .read = VtiRead};
