// np: 1 2 3 timeout: 120
// Voxel files: raw, NumPy, HDF5 and TIFF, both axis orders, both byte orders, all types, on 1 to 3 ranks; what is refused and in which words; writing;
// moving to fewer ranks. The image is 5 x 7 x 12, so that no two axes can be mistaken for each other. Files are written here byte by byte from the
// formats' descriptions, HDF5 and TIFF by their libraries; .vti is in test_voxel_vti.c.
#include "voxel_file_cases.h"
#include <sna_config.h>
#include <hdf5.h>
#if SNA_HAVE_TIFF
#  include <tiffio.h>
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Raw and npy
// ---------------------------------------------------------------------------------------------------------------------
static size_t PutNpyHead(const char type[], int order, const char shape[], unsigned char *to)
{
  char      text[200];
  const int n      = snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", type,
    order == 'F' ? "True" : "False", shape);
  const int length = (10 + n + 1 + 63) / 64 * 64 - 10;

  memcpy(to, "\x93NUMPY\x01\0", 8);
  to[8] = (unsigned char)length;
  to[9] = 0;
  memset(to + 10, ' ', (size_t)length);
  memcpy(to + 10, text, (size_t)n);
  to[9 + length] = '\n';
  return (size_t)length + 10;
}

static void PutNpy(const char path[], const char type[], int order, int scale)
{
  unsigned char bytes[256 + 8 * N];
  size_t        at = PutNpyHead(type, order, "5, 7, 12", bytes);

  for (int i = 0; i < N; i++)
    at += PutNumber(type, scale * (type[1] == 'b' ? At(order, i) > 1 : At(order, i)), bytes + at);
  Put(path, bytes, at);
}

static void TestRaw(void **state)
{
  unsigned char bytes[8192] = {0};
  SnaVoxelsFile file        = {.file = In("x.raw"), .n = {NX, NY, NZ}, .cell = -1};
  PetscInt      n[3], cells;
  char          message[SNA_MAX_MESSAGE];

  (void)state;
  for (int i = 0; i < N; i++) bytes[i] = (unsigned char)At('F', i);
  Put(file.file, bytes, N);
  Expect(&file, PETSC_FALSE);
  OK(SnaVoxelsFileInfo(PETSC_COMM_WORLD, &file, n, &cells, message));
  assert_true(!message[0] && n[0] == NX && n[1] == NY && n[2] == NZ && cells == 1);
  file.nthreshold   = 1;
  file.threshold[0] = 2;
  Expect(&file, PETSC_TRUE);
  file.nthreshold = 0;
  file.n[2]       = 13;
  Refuse(&file, PETSC_TRUE, "5 x 7 x 13 voxels of one byte make 455 bytes, the file has 420");
  file.n[0] = file.n[1] = file.n[2] = 0;
  Refuse(&file, PETSC_TRUE, "give `n` (x, y, z); the file has 420 bytes");

  file = (SnaVoxelsFile){.file = In("z.raw"), .n = {NX, NY, NZ}, .z_fast = PETSC_TRUE, .cell = -1};
  for (int i = 0; i < N; i++) bytes[i] = (unsigned char)At('C', i);
  Put(file.file, bytes, N);
  Expect(&file, PETSC_FALSE);

  Put(file.file, bytes, 4096);
  Refuse(&file, PETSC_TRUE, "420 bytes, the file has 4096; it would fit a cube of 16^3 voxels");
  Put(file.file, bytes, 8192);
  Refuse(&file, PETSC_TRUE, "16^3 voxels of 2 bytes each");
  Put(file.file, bytes, 0);
  Refuse(&file, PETSC_TRUE, "the file is empty");
}

static void TestNpy(void **state)
{
  static const char *const types[] = {
    "|u1", "|i1", "|b1", "<u2", ">u2", "<i2", ">i2", "<u4", ">i4", "<i8", ">u8", "<f4", ">f4", "<f8", ">f8"};
  const char   *path = In("a.npy");
  SnaVoxelsFile file = {.file = path, .cell = -1};

  (void)state;
  for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
    for (int order = 'C'; order <= 'F'; order += 'F' - 'C') {
      PutNpy(path, types[t], order, 1);
      Expect(&file, types[t][1] == 'b' ? PETSC_TRUE : PETSC_FALSE);
    }
  }
  PutNpy(path, "<i4", 'C', 1000);
  Refuse(&file, PETSC_FALSE, "has the value"); // whichever comes first
  file.nthreshold   = 3;                       // in any order
  file.threshold[0] = 3000;
  file.threshold[1] = 1000;
  file.threshold[2] = 1999.5;
  Expect(&file, PETSC_FALSE);
  file.n[0] = NZ;
  file.n[1] = NY;
  file.n[2] = NX;
  Refuse(&file, PETSC_TRUE, "5 x 7 x 12 voxels (x, y, z), not 12 x 7 x 5");
  RefuseTruncated(path, In("cut.npy"), 0, PETSC_TRUE);
}

// A stack a[cell, i, j, k] of three cells, in which cell 1 is the image.
static void TestNpyStack(void **state)
{
  unsigned char       bytes[256 + 2 * 3 * N];
  const SnaVoxelsFile none = {.file = In("stack.npy"), .cell = -1}, third = {.file = none.file, .cell = 3};
  SnaVoxelsFile       file = {.file = none.file, .cell = 1, .n = {NX, NY, NZ}};
  PetscInt            n[3], cells;
  char                message[SNA_MAX_MESSAGE];

  (void)state;
  for (int order = 'C'; order <= 'F'; order += 'F' - 'C') {
    size_t at = PutNpyHead("<u2", order, "3, 5, 7, 12", bytes);

    for (int i = 0; i < 3 * N; i++) {
      const int cell = order == 'C' ? i / N : i % 3, voxel = order == 'C' ? i % N : i / 3;

      at += PutNumber("<u2", cell == 1 ? At(order, voxel) : 9, bytes + at);
    }
    Put(file.file, bytes, at);
    Expect(&file, PETSC_FALSE);
    OK(SnaVoxelsFileInfo(PETSC_COMM_WORLD, &none, n, &cells, message));
    assert_true(!message[0] && n[0] == NX && n[1] == NY && n[2] == NZ && cells == 3);
    Refuse(&none, PETSC_FALSE, "a stack of 3 cells: say which, 0 to 2");
    Refuse(&third, PETSC_FALSE, "has no cell 3");
  }
}

static void TestNpyRefusals(void **state)
{
  unsigned char bytes[512] = {0};
  const char   *path       = In("bad.npy");
  const struct {
    const char *type, *shape, *part;
  } bad[] = {{"<f2", "5, 7, 12", "numbers of type <f2"}, {"<c8", "5, 7, 12", "<c8"}, {"|S1", "5, 7, 12", "uint8"},
    {"|u1", "5, 7", "2 dimensions"}, {"|u1", "420,", "1 dimensions"}, {"|u1", "1, 1, 5, 7, 12", "5 dimensions"},
    {"|u1", "5, 0, 12", "without voxels"}, {"|u1", "5, -7, 12", "shape"}, {"|u1", "99999999999, 7, 12", "shape"},
    {"|u1", "50000, 50000, 12", "truncated"}, {"|u1", "2000000000, 2000000000, 2000000000", "truncated"}};

  (void)state;
  for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
    Put(path, bytes, PutNpyHead(bad[b].type, 'C', bad[b].shape, bytes));
    RefusePath(path, PETSC_TRUE, bad[b].part);
  }
  Put(path, "hello, this is no array", 23);
  RefusePath(path, PETSC_TRUE, "not a NumPy file");
  Put(path, bytes, 0);
  RefusePath(path, PETSC_TRUE, "the file is empty");
  RefusePath(In("none.npy"), PETSC_TRUE, "cannot open the file: No such file");
  if (rank == 0) assert_int_equal(mkdir(In("dir.npy"), 0777), 0);
  MPI_Barrier(PETSC_COMM_WORLD);
  RefusePath(In("dir.npy"), PETSC_TRUE, "a directory");
}

// The first voxel in the file's order that is no phase is named, whichever rank finds it.
static void TestValues(void **state)
{
  const struct {
    double      value;
    PetscInt    nthreshold;
    const char *part;
  } bad[] = {{256, 0, "the value 256: phases are whole numbers from 0 to 255"}, {-1, 0, "-1"}, {0.5, 0, "0.5"},
    {(double)NAN, 0, "not a number"}, {(double)NAN, 1, "not a number"}, {(double)INFINITY, 0, "inf"}};
  unsigned char bytes[256 + 8 * N];
  SnaVoxelsFile file = {.file = In("value.npy"), .cell = -1, .threshold = {0.25}};
  SnaVoxels     voxels;
  PetscInt64    count[256];

  (void)state;
  for (int order = 'C'; order <= 'F'; order += 'F' - 'C') {
    const size_t at = PutNpyHead("<f8", order, "5, 7, 12", bytes);
    const int    a  = order == 'F' ? (2 * NY + 5) * NX + 4 : (4 * NY + 5) * NZ + 2;   // voxel (4, 5, 2)
    const int    b  = order == 'F' ? (11 * NY + 6) * NX + 1 : (1 * NY + 6) * NZ + 11; // voxel (1, 6, 11)

    for (size_t c = 0; c < sizeof(bad) / sizeof(bad[0]); c++) {
      for (size_t i = 0; i < N; i++) (void)PutNumber("<f8", 7, bytes + at + 8 * i);
      (void)PutNumber("<f8", bad[c].value, bytes + at + 8 * a);
      (void)PutNumber("<f8", bad[c].value, bytes + at + 8 * b);
      Put(file.file, bytes, at + 8 * N);
      file.nthreshold = bad[c].nthreshold;
      Refuse(&file, PETSC_FALSE, order == 'F' ? "voxel (4, 5, 2), counted from 0" : "voxel (1, 6, 11), counted from 0");
      Refuse(&file, PETSC_FALSE, bad[c].part);
    }
    file.nthreshold = 1; // infinities have a side
    Put(file.file, bytes, at + 8 * N);
    voxels = Read(&file);
    OK(SnaVoxelsCount(voxels, count));
    assert_true(count[1] == N && count[0] == 0);
    OK(SnaVoxelsDestroy(&voxels));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// HDF5
// ---------------------------------------------------------------------------------------------------------------------
// A data set of the image, [z][y][x], or of `cells` cells of which number 1 is the image. disk: type in the file. On rank 0.
static void PutSet(hid_t file, const char name[], hid_t disk, int cells, PetscBool chunked, PetscBool binary)
{
  const hsize_t dims[4] = {(hsize_t)cells, NZ, NY, NX}, chunk[4] = {2, 5, 3, 4};
  const int     skip  = cells ? 0 : 1;
  const hid_t   space = H5Screate_simple(4 - skip, dims + skip, NULL), create = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t   links   = H5Pcreate(H5P_LINK_CREATE);
  const int     bool_of = H5Tget_class(disk) == H5T_ENUM;
  signed char   values[3 * N];
  hid_t         set;

  (void)H5Pset_create_intermediate_group(links, 1);
  if (chunked) {
    (void)H5Pset_chunk(create, 4 - skip, chunk + skip);
    (void)H5Pset_shuffle(create);
    (void)H5Pset_deflate(create, 6);
    (void)H5Pset_fletcher32(create);
  }
  for (int i = 0; i < PetscMax(cells, 1) * N; i++)
    values[i] = (signed char)(cells && i / N != 1 ? 9 : binary ? At('F', i % N) > 1 : At('F', i % N));
  set = H5Dcreate2(file, name, disk, space, links, create, H5P_DEFAULT);
  assert_true(set >= 0 && H5Dwrite(set, bool_of ? disk : H5T_NATIVE_SCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  (void)H5Dclose(set);
  (void)H5Pclose(links);
  (void)H5Pclose(create);
  (void)H5Sclose(space);
}

static hid_t NewHdf5(const char path[])
{
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

  assert_true(file >= 0);
  return file;
}

static void TestHdf5(void **state)
{
  const hid_t types[] = {
    H5T_STD_U8LE, H5T_STD_I8LE, H5T_STD_U16BE, H5T_STD_I32LE, H5T_STD_I64BE, H5T_IEEE_F32LE, H5T_IEEE_F64BE};
  const hid_t   logical = H5Tenum_create(H5T_NATIVE_SCHAR); // as h5py writes booleans
  char          both[200];
  SnaVoxelsFile file = {.file = In("a.h5"), .cell = -1, .n = {NX, NY, NZ}};
  signed char   value;
  PetscInt      n[3], cells;
  char          message[SNA_MAX_MESSAGE];
  hid_t         h5, line;

  (void)state;
  for (value = 0; value < 2; value++) (void)H5Tenum_insert(logical, value ? "TRUE" : "FALSE", &value);
  for (size_t t = 0; t < 2 * (sizeof(types) / sizeof(types[0]) + 1); t++) {
    const PetscBool binary = t / 2 == sizeof(types) / sizeof(types[0]) ? PETSC_TRUE : PETSC_FALSE;

    if (rank == 0) {
      h5 = NewHdf5(file.file);
      PutSet(h5, "/cell/phase", binary ? logical : types[t / 2], 0, t % 2 ? PETSC_TRUE : PETSC_FALSE, binary);
      (void)H5Fclose(h5);
    }
    MPI_Barrier(PETSC_COMM_WORLD);
    Expect(&file, binary);
  }
  (void)H5Tclose(logical);
  if (rank == 0) {
    const hsize_t four = 4;

    h5 = NewHdf5(file.file);
    PutSet(h5, "/b/cells", H5T_STD_U8LE, 3, PETSC_TRUE, PETSC_FALSE);
    PutSet(h5, "/a", H5T_STD_U8LE, 0, PETSC_FALSE, PETSC_FALSE);
    line = H5Screate_simple(1, &four, NULL);
    (void)H5Dclose(H5Dcreate2(h5, "/line", H5T_STD_U8LE, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    (void)H5Sclose(line);
    (void)H5Fclose(h5);
  }
  MPI_Barrier(PETSC_COMM_WORLD);
  file.n[0] = file.n[1] = file.n[2] = 0;
  Refuse(&file, PETSC_TRUE, "holds 2 images: /a [12][7][5], /b/cells [3][12][7][5]; say which");
  (void)snprintf(both, sizeof(both), "%s:/a", In("a.h5"));
  file.file = both;
  Expect(&file, PETSC_FALSE);
  (void)snprintf(both, sizeof(both), "%s:a", In("a.h5")); // a missing slash is no reason to fail
  Expect(&file, PETSC_FALSE);
  (void)snprintf(both, sizeof(both), "%s:/b/cells", In("a.h5"));
  Refuse(&file, PETSC_FALSE, "a stack of 3 cells");
  OK(SnaVoxelsFileInfo(PETSC_COMM_WORLD, &file, n, &cells, message));
  assert_true(!message[0] && n[0] == NX && n[2] == NZ && cells == 3);
  file.cell = 1;
  Expect(&file, PETSC_FALSE);
  file.cell = -1;
  (void)snprintf(both, sizeof(both), "%s:/none", In("a.h5"));
  Refuse(&file, PETSC_TRUE, "has no /none; its images are: /a [12]");
  (void)snprintf(both, sizeof(both), "%s:/b", In("a.h5"));
  Refuse(&file, PETSC_TRUE, "/b is no data set");
  (void)snprintf(both, sizeof(both), "%s:/line", In("a.h5"));
  Refuse(&file, PETSC_TRUE, "/line has 1 dimensions");
  RefusePath(In("none.h5"), PETSC_TRUE, "cannot open");
  Put(In("text.h5"), "hello", 5);
  RefusePath(In("text.h5"), PETSC_TRUE, "not an HDF5 file");
}

static void TestHdf5Truncated(void **state)
{
  const char *path = In("t.h5");
  static char bytes[1 << 16];
  size_t      n;

  (void)state;
  if (rank == 0) {
    hid_t h5 = NewHdf5(path);

    PutSet(h5, "/phase", H5T_STD_I32LE, 0, PETSC_FALSE, PETSC_FALSE);
    (void)H5Fclose(h5);
  }
  n = Get(path, sizeof(bytes), bytes);
  Put(path, bytes, n / 2);
  RefusePath(path, PETSC_TRUE, "truncated");
}

// ---------------------------------------------------------------------------------------------------------------------
// TIFF
// ---------------------------------------------------------------------------------------------------------------------
#if SNA_HAVE_TIFF
typedef struct {
  int         bits, format, photometric, compression, odd; // odd: this page is one row shorter
  const char *description;
} Tiff;

static void PutTiff(const char path[], const Tiff *t)
{
  TIFF *tiff = rank ? NULL : TIFFOpen(path, "w");

  for (int k = 0; tiff && k < NZ; k++) {
    const int ny = t->odd == k && k ? NY - 1 : NY;

    (void)TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, NX);
    (void)TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, ny);
    (void)TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, t->bits);
    (void)TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, t->photometric == PHOTOMETRIC_RGB ? 3 : 1);
    (void)TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, t->format);
    (void)TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, t->photometric);
    (void)TIFFSetField(tiff, TIFFTAG_COMPRESSION, t->compression);
    (void)TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    (void)TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 3);
    if (t->description) (void)TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, t->description);
    for (int j = 0; j < ny; j++) {
      unsigned char row[64] = {0};
      size_t        at      = 0;

      for (int i = 0; i < NX; i++) {
        const char type[] = {'<', t->format == SAMPLEFORMAT_IEEEFP ? 'f' : 'i', (char)('0' + t->bits / 8), 0};
        int        v      = Phase(i, j, k);

        if (t->bits == 1) {
          if ((v > 1) != (t->photometric == PHOTOMETRIC_MINISWHITE)) row[0] |= (unsigned char)(0x80 >> i);
        } else
          at += PutNumber(type, t->photometric == PHOTOMETRIC_MINISWHITE ? (1 << t->bits) - 1 - v : v, row + at);
      }
      assert_true(TIFFWriteScanline(tiff, row, (uint32_t)j, 0) >= 0);
    }
    assert_true(TIFFWriteDirectory(tiff));
    if (t->description) break;
  }
  if (tiff) TIFFClose(tiff);
  MPI_Barrier(PETSC_COMM_WORLD);
}

static void TestTiff(void **state)
{
  static const Tiff good[] = {{8, SAMPLEFORMAT_UINT, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE, 0, NULL},
    {8, SAMPLEFORMAT_UINT, PHOTOMETRIC_MINISWHITE, COMPRESSION_LZW, 0, NULL},
    {16, SAMPLEFORMAT_UINT, PHOTOMETRIC_MINISBLACK, COMPRESSION_ADOBE_DEFLATE, 0, NULL},
    {16, SAMPLEFORMAT_INT, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE, 0, NULL},
    {16, SAMPLEFORMAT_UINT, PHOTOMETRIC_MINISWHITE, COMPRESSION_NONE, 0, NULL},
    {32, SAMPLEFORMAT_IEEEFP, PHOTOMETRIC_MINISBLACK, COMPRESSION_PACKBITS, 0, NULL},
    {1, SAMPLEFORMAT_UINT, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE, 0, NULL},
    {1, SAMPLEFORMAT_UINT, PHOTOMETRIC_MINISWHITE, COMPRESSION_CCITTFAX4, 0, NULL}};
  static const struct {
    Tiff        tiff;
    const char *part;
  } bad[] = {{{8, SAMPLEFORMAT_UINT, PHOTOMETRIC_RGB, COMPRESSION_NONE, 0, NULL}, "3 numbers per voxel"},
    {{8, SAMPLEFORMAT_UINT, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE, 4, NULL}, "page 4, of 5 x 6"},
    {{8, SAMPLEFORMAT_UINT, PHOTOMETRIC_MINISBLACK, COMPRESSION_NONE, 0, "ImageJ=1.54f\nimages=40\nslices=40\n"},
      "ImageJ wrote 40 images"}};
  const SnaVoxelsFile file = {.file = In("a.tif"), .cell = -1};
  char                bytes[8192];
  size_t              n;

  (void)state;
  for (size_t t = 0; t < sizeof(good) / sizeof(good[0]); t++) {
    PutTiff(file.file, &good[t]);
    Expect(&file, good[t].bits == 1 ? PETSC_TRUE : PETSC_FALSE);
  }
  for (size_t t = 0; t < sizeof(bad) / sizeof(bad[0]); t++) {
    PutTiff(file.file, &bad[t].tiff);
    Refuse(&file, PETSC_TRUE, bad[t].part);
  }
  PutTiff(In("b.tiff"), &good[0]);
  n = Get(In("b.tiff"), sizeof(bytes), bytes);
  Put(file.file, bytes, n / 2);
  RefusePath(file.file, PETSC_TRUE, "truncated");
  Put(file.file, "II*", 3);
  RefusePath(file.file, PETSC_TRUE, "not a TIFF file");
}
#else
static void TestTiff(void **state)
{
  (void)state;
  RefusePath(In("a.tif"), PETSC_TRUE, "built without libtiff");
}
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Writing, and the image itself
// ---------------------------------------------------------------------------------------------------------------------
static SnaVoxels Image(void)
{
  const PetscInt n[3] = {NX, NY, NZ};
  SnaVoxels      voxels;

  OK(SnaVoxelsCreate(PETSC_COMM_WORLD, n, h, &voxels));
  for (PetscInt l = 0; l < NX * NY * voxels->nz; l++)
    voxels->phase[l] = (uint8_t)At('F', (int)(l + voxels->z0 * NX * NY));
  return voxels;
}

static void TestWrite(void **state)
{
  static const char *const names[] = {"w.npy", "w.vti", "new/folder/w.h5", "w.h5:/deep/image"};
  const SnaVoxelsFile      raw     = {.file = In("w.raw"), .n = {NX, NY, NZ}, .cell = -1};
  SnaVoxels                voxels  = Image();
  char                     message[SNA_MAX_MESSAGE], bytes[1024];
  unsigned char            head[256];

  (void)state;
  for (size_t f = 0; f < sizeof(names) / sizeof(names[0]); f++) {
    OK(SnaVoxelsWrite(voxels, In(names[f]), message));
    assert_string_equal(message, "");
    ExpectPath(In(names[f]));
  }
  OK(SnaVoxelsWrite(voxels, raw.file, message));
  assert_string_equal(message, "");
  assert_int_equal(Get(raw.file, sizeof(bytes), bytes), N);
  for (int i = 0; i < N; i++) assert_int_equal(bytes[i], At('F', i));
  Expect(&raw, PETSC_FALSE);
  // As numpy.save() writes an array in Fortran order.
  assert_int_equal(Get(In("w.npy"), sizeof(bytes), bytes), N + PutNpyHead("|u1", 'F', "5, 7, 12", head));
  assert_memory_equal(bytes, head, 128);
  (void)Get(In("w.vti"), sizeof(bytes), bytes);
  HOLDS(bytes, "WholeExtent=\"0 5 0 7 0 12\" Origin=\"0 0 0\" Spacing=\"1 2 3\"");

  OK(SnaVoxelsWrite(voxels, In("w.tif"), message));
  HOLDS(message, "not written");
  if (rank == 0) assert_int_equal(mkdir(In("taken.vti"), 0777), 0);
  OK(SnaVoxelsWrite(voxels, In("taken.vti"), message));
  HOLDS(message, "a directory of that name");
  OK(SnaVoxelsWrite(voxels, In("w.npy/x.h5"), message));
  HOLDS(message, "in the way");
  OK(SnaVoxelsDestroy(&voxels));
}

// Chunks of several planes that lie on more than one rank, and of parts of a plane: 1500 x 1200 bytes are more than a chunk.
static void TestWriteLarge(void **state)
{
  const PetscInt      n[2][3] = {{200, 300, 41}, {1500, 1200, 3}};
  const SnaVoxelsFile file    = {.file = In("large.h5"), .cell = -1};
  char                message[SNA_MAX_MESSAGE];

  (void)state;
  for (int c = 0; c < 2; c++) {
    SnaVoxels voxels, back;
    size_t    plane = (size_t)n[c][0] * (size_t)n[c][1];

    OK(SnaVoxelsCreate(PETSC_COMM_WORLD, n[c], h, &voxels));
    for (size_t l = 0; l < plane * (size_t)voxels->nz; l++)
      voxels->phase[l] = (uint8_t)((l + plane * (size_t)voxels->z0) * 2654435761u >> 24);
    OK(SnaVoxelsWrite(voxels, file.file, message));
    assert_string_equal(message, "");
    back = Read(&file);
    assert_int_equal(back->nz, voxels->nz);
    assert_memory_equal(back->phase, voxels->phase, plane * (size_t)voxels->nz);
    OK(SnaVoxelsDestroy(&back));
    OK(SnaVoxelsDestroy(&voxels));
  }
}

// Files of more than one buffer and more than one turn of lines.
static void TestReadLarge(void **state)
{
  enum { LX = 75, LY = 150, LZ = 220, LN = LX * LY * LZ };
  const char    *vti = In("large.vti");
  unsigned char *bytes;
  char           message[SNA_MAX_MESSAGE];

  (void)state;
  bytes = (unsigned char *)malloc(2 * LN + 256);
  assert_non_null(bytes);
  for (int c = 0; c < 4; c++) { // raw z fastest, npy of two bytes in both orders, vti
    static const char *const names[] = {"large.raw", "large.npy", "large.npy", "large.vti"};
    SnaVoxelsFile            file    = {.file = In(names[c]), .n = {LX, LY, LZ}, .z_fast = PETSC_TRUE, .cell = -1};
    const int                order   = c == 2 ? 'F' : 'C';
    SnaVoxels                voxels;

    if (c < 3) {
      size_t at = c ? PutNpyHead(">u2", order, "75, 150, 220", bytes) : 0;

      for (int l = 0; l < LN; l++) {
        const int i = order == 'F' ? l % LX : l / (LY * LZ), j = order == 'F' ? l / LX % LY : l / LZ % LY,
                  k = order == 'F' ? l / (LX * LY) : l % LZ;

        at += PutNumber(c ? ">u2" : "<u1", (i + 7 * j + 101 * k) % 251, bytes + at);
      }
      Put(file.file, bytes, at);
    }
    voxels = Read(&file);
    for (int l = 0; l < LX * LY * voxels->nz; l++) {
      const int expected = (l % LX + 7 * (l / LX % LY) + 101 * (l / (LX * LY) + (int)voxels->z0)) % 251;

      if (voxels->phase[l] != expected)
        fail_msg("%s, case %d: voxel %d is %d, not %d", file.file, c, l, voxels->phase[l], expected);
    }
    if (!c) {
      OK(SnaVoxelsWrite(voxels, vti, message));
      assert_string_equal(message, "");
    }
    OK(SnaVoxelsDestroy(&voxels));
  }
  free(bytes);
}

static void TestImage(void **state)
{
  SnaVoxels  voxels = Image(), copy;
  PetscInt64 count[256], expected[4] = {0, 0, 0, 0};

  (void)state;
  OK(SnaVoxelsDuplicate(voxels, &copy));
  voxels->phase[0] = 200;
  assert_int_equal(copy->phase[0], At('F', (int)copy->z0 * NX * NY));
  for (int i = 0; i < N; i++) expected[At('F', i)]++;
  OK(SnaVoxelsCount(copy, count));
  for (int p = 0; p < 256; p++) assert_int_equal(count[p], p < 4 ? expected[p] : 0);
  OK(SnaVoxelsCount(voxels, count));
  assert_int_equal(count[200], size);
  OK(SnaVoxelsDestroy(&copy));
  OK(SnaVoxelsDestroy(&voxels));
}

// On every number of ranks and in both orders of the ranks.
static void TestRedistribute(void **state)
{
  SnaVoxels voxels = Image();

  (void)state;
  for (PetscMPIInt ranks = 1; ranks <= size; ranks++) {
    for (int backwards = 0; backwards < 2; backwards++) {
      MPI_Comm    sub;
      SnaVoxels   copy;
      PetscMPIInt there;

      MPI_Comm_split(PETSC_COMM_WORLD, rank >= size - ranks ? 0 : MPI_UNDEFINED, backwards ? -rank : rank, &sub);
      OK(SnaVoxelsRedistribute(voxels, sub, &copy));
      if (sub == MPI_COMM_NULL)
        assert_null(copy);
      else {
        PetscInt first, count;

        MPI_Comm_rank(sub, &there);
        SnaSplit(NZ, ranks, there, &first, &count);
        assert_int_equal(copy->z0, first);
        assert_int_equal(copy->nz, count);
        assert_true(copy->h[1] == 2);
        for (PetscInt l = 0; l < NX * NY * count; l++)
          assert_int_equal(copy->phase[l], At('F', (int)(l + first * NX * NY)));
        OK(SnaVoxelsDestroy(&copy));
        MPI_Comm_free(&sub);
      }
    }
  }
  OK(SnaVoxelsDestroy(&voxels));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestRaw),
    cmocka_unit_test(TestNpy),
    cmocka_unit_test(TestNpyStack),
    cmocka_unit_test(TestNpyRefusals),
    cmocka_unit_test(TestValues),
    cmocka_unit_test(TestHdf5),
    cmocka_unit_test(TestHdf5Truncated),
    cmocka_unit_test(TestTiff),
    cmocka_unit_test(TestWrite),
    cmocka_unit_test(TestWriteLarge),
    cmocka_unit_test(TestReadLarge),
    cmocka_unit_test(TestImage),
    cmocka_unit_test(TestRedistribute),
  };
  int failures;

  if (Start(&argc, &argv)) return 1;
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  return failures + End();
}
