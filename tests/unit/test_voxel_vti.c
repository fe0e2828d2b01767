// np: 1 2 3 timeout: 120
// VTK's ImageData files: three by VTK 9.2 (vtkXMLImageDataWriter); every encoding, compression, byte order and type, written here from the description of
// the format; what is refused and in which words.
#include "voxel_file_cases.h"
#include <zlib.h>

// 2 x 3 x 4 voxels of phase (i + 2j + 3k) % 4, as VTK wrote them: cells of 16-bit integers, big-endian, in blocks of 16 bytes compressed by zlib, base64;
// points of floats, appended base64 with 64-bit header; cells in ascii.
static const char *const by_vtk[] = {
  "<VTKFile type=\"ImageData\" version=\"0.1\" byte_order=\"BigEndian\" header_type=\"UInt32\" "
  "compressor=\"vtkZLibDataCompressor\">\n"
  "  <ImageData WholeExtent=\"1 3 0 3 -2 2\" Origin=\"0 0 0\" Spacing=\"1 1 1\" Direction=\"1 0 0 0 1 0 0 0 1\">\n"
  "  <Piece Extent=\"1 3 0 3 -2 2\">\n    <PointData>\n    </PointData>\n    <CellData Scalars=\"phase\">\n"
  "      <DataArray type=\"Int16\" Name=\"phase\" format=\"binary\" RangeMin=\"0\" RangeMax=\"3\">\n"
  "        "
  "AAAAAwAAABAAAAAAAAAAFAAAABIAAAATeF5jYGBgZGBiYGYA0UASAABcAAt4XmNgZGBiYGZggJKMAAB4AA14XmNgYmBmYGQAkQwgGgAAjAAP\n"
  "      </DataArray>\n    </CellData>\n  </Piece>\n  </ImageData>\n</VTKFile>\n",
  "<?xml version=\"1.0\"?>\n<VTKFile type=\"ImageData\" version=\"1.0\" byte_order=\"LittleEndian\" "
  "header_type=\"UInt64\">\n"
  "  <ImageData WholeExtent=\"1 2 0 2 -2 1\" Origin=\"0 0 0\" Spacing=\"1 1 1\" Direction=\"1 0 0 0 1 0 0 0 1\">\n"
  "    <Piece Extent=\"1 2 0 2 -2 1\"                                                      >\n"
  "      <PointData Scalars=\"phase\">\n"
  "        <DataArray type=\"Float32\" Name=\"phase\" format=\"appended\" RangeMin=\"0\"  RangeMax=\"3\"  offset=\"0\" "
  "                  />\n"
  "      </PointData>\n      <CellData>\n      </CellData>\n    </Piece>\n  </ImageData>\n  <AppendedData "
  "encoding=\"base64\">\n"
  "   "
  "_YAAAAAAAAAAAAAAAAACAPwAAAEAAAEBAAAAAAAAAgD8AAEBAAAAAAAAAgD8AAABAAABAQAAAAAAAAABAAABAQAAAAAAAAIA/AAAAQAAAQEAAAIA/"
  "AAAAQAAAQEAAAAAAAACAPwAAAEA=\n"
  "  </AppendedData>\n</VTKFile>\n",
  "<VTKFile type=\"ImageData\" version=\"0.1\" byte_order=\"LittleEndian\" header_type=\"UInt32\">\n"
  "  <ImageData WholeExtent=\"1 3 0 3 -2 2\" Origin=\"0 0 0\" Spacing=\"1 1 1\" Direction=\"1 0 0 0 1 0 0 0 1\">\n"
  "  <Piece Extent=\"1 3 0 3 -2 2\">\n    <PointData>\n    </PointData>\n    <CellData Scalars=\"phase\">\n"
  "      <DataArray type=\"UInt8\" Name=\"phase\" format=\"ascii\" RangeMin=\"0\" RangeMax=\"3\">\n"
  "        0 1 2 3 0 1\n        3 0 1 2 3 0\n        2 3 0 1 2 3\n        1 2 3 0 1 2\n"
  "      </DataArray>\n    </CellData>\n  </Piece>\n  </ImageData>\n</VTKFile>\n"};

static void TestByVtk(void **state)
{
  const SnaVoxelsFile file = {.file = In("vtk.vti"), .cell = -1};

  (void)state;
  for (size_t f = 0; f < sizeof(by_vtk) / sizeof(by_vtk[0]); f++) {
    SnaVoxels voxels;

    Put(file.file, by_vtk[f], strlen(by_vtk[f]));
    voxels = Read(&file);
    assert_true(voxels->n[0] == 2 && voxels->n[1] == 3 && voxels->n[2] == 4);
    for (PetscInt l = 0; l < 6 * voxels->nz; l++)
      assert_int_equal(voxels->phase[l], (l % 2 + 2 * (l / 2 % 3) + 3 * (voxels->z0 + l / 6)) % 4);
    OK(SnaVoxelsDestroy(&voxels));
  }
}

typedef struct {
  const char *type, *numpy; // "Int16", "<i2"
  PetscBool   ascii, base64, appended, zlib, wide, points;
} Vti;

static size_t PutBase64(const unsigned char *from, size_t n, unsigned char *to)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t            at       = 0;

  for (size_t i = 0; i < n; i += 3) {
    const unsigned bits =
      (unsigned)from[i] << 16 | (i + 1 < n ? (unsigned)from[i + 1] << 8 : 0) | (i + 2 < n ? from[i + 2] : 0);

    for (int d = 0; d < 4; d++)
      to[at++] = (unsigned char)(i + (size_t)PetscMax(d - 1, 0) < n ? digits[bits >> (18 - 6 * d) & 63] : '=');
    if (i % 48 == 45) to[at++] = '\n'; // not VTK's habit, but allowed
  }
  return at;
}

static size_t PutWord(const Vti *vti, size_t value, unsigned char *to)
{
  const char type[] = {*vti->numpy == '>' ? '>' : '<', 'u', vti->wide ? '8' : '4', 0};

  return PutNumber(type, (double)value, to);
}

// The array in front of which stands another one, so that offsets and names count.
static void PutVti(const char path[], const Vti *vti)
{
  unsigned char plain[8 * N], head[2048], data[8 * N + 4096], text[65536];
  const char   *section = vti->points ? "PointData" : "CellData", *format = vti->ascii      ? "ascii"
                                                                            : vti->appended ? "appended"
                                                                                            : "binary";
  const size_t  block = 400;
  size_t        bytes = 0, nhead = 0, ndata = 0, at;
  int           n = 0;

  for (int i = 0; i < N; i++) bytes += PutNumber(vti->numpy, At('F', i), plain + bytes);
  if (vti->zlib) {
    const size_t nblock = (bytes + block - 1) / block;

    nhead += PutWord(vti, nblock, head);
    nhead += PutWord(vti, block, head + nhead);
    nhead += PutWord(vti, bytes % block, head + nhead);
    for (size_t b = 0; b < nblock; b++) {
      uLongf packed = sizeof(data) - ndata;

      assert_int_equal(
        compress2(data + ndata, &packed, plain + b * block, PetscMin(block, bytes - b * block), 6), Z_OK);
      nhead += PutWord(vti, packed, head + nhead);
      ndata += packed;
    }
  } else {
    ndata = PutWord(vti, bytes, data);
    memcpy(data + ndata, plain, bytes);
    ndata += bytes;
  }
  n  = snprintf((char *)text, sizeof(text),
     "<?xml version='1.0'?>\n<!-- <DataArray> in a comment > -->\n<VTKFile type=\"ImageData\" byte_order='%s'%s%s>\n"
      "<ImageData WholeExtent=\"0 %d 3 %d -1 %d\">\n<Piece Extent=\"0 %d 3 %d -1 %d\">\n<%s>\n"
      "<DataArray type=\"Float32\" Name=\"a > b\" NumberOfComponents=\"3\" format=\"%s\" offset=\"0\"> 1 </DataArray>\n"
      "<DataArray type=\"%s\" Name=\"phase\" format=\"%s\" offset=\"5\">\n",
    *vti->numpy == '>' ? "BigEndian" : "LittleEndian", vti->wide ? " header_type=\"UInt64\"" : "",
    vti->zlib ? " compressor=\"vtkZLibDataCompressor\"" : "", NX - vti->points, 3 + NY - vti->points,
     NZ - 1 - vti->points, NX - vti->points, 3 + NY - vti->points, NZ - 1 - vti->points, section, format, vti->type,
     format);
  at = (size_t)n;
  for (int pass = 0; pass < 2; pass++) {
    if ((pass == 1) == vti->appended) {
      if (pass) at += (size_t)sprintf((char *)text + at, "_12345");
      if (vti->ascii) {
        for (int i = 0; i < N; i++) at += (size_t)sprintf((char *)text + at, "%d%s", At('F', i), i % 9 ? " " : "\n ");
      } else if (vti->base64) {
        at += PutBase64(head, nhead, text + at);
        at += PutBase64(data, ndata, text + at);
      } else {
        memcpy(text + at, head, nhead);
        memcpy(text + at + nhead, data, ndata);
        at += nhead + ndata;
      }
    }
    if (!pass)
      at += (size_t)sprintf((char *)text + at, "</DataArray></%s></Piece></ImageData>%s%s", section,
        vti->appended ? "<AppendedData encoding=" : "",
        !vti->appended ? ""
        : vti->base64  ? "\"base64\">\n "
                       : "\"raw\">\n ");
    else
      at += (size_t)sprintf((char *)text + at, "%s</VTKFile>\n", vti->appended ? "</AppendedData>" : "");
  }
  Put(path, text, at);
}

static void TestVti(void **state)
{
  static const struct {
    const char *type, *numpy;
  } types[]          = {{"UInt8", "|u1"}, {"Int8", "<i1"}, {"UInt16", ">u2"}, {"Int32", "<i4"}, {"UInt64", ">u8"},
             {"Float32", "<f4"}, {"Float64", ">f8"}};
  SnaVoxelsFile file = {.file = In("a.vti"), .cell = -1, .array = "phase"};

  (void)state;
  for (unsigned c = 0; c < 64; c++) {
    const Vti vti = {types[c % 7].type, types[c % 7].numpy, c % 4 == 0, c % 4 == 1 || c % 4 == 3, c % 4 >= 2,
      c & 4 ? PETSC_TRUE : PETSC_FALSE, c & 8 ? PETSC_TRUE : PETSC_FALSE, c & 16 ? PETSC_TRUE : PETSC_FALSE};

    PutVti(file.file, &vti);
    Expect(&file, PETSC_FALSE);
  }
  file.array = NULL;
  Refuse(&file, PETSC_TRUE, "`a > b` has 3 components");
  file.array = "fase";
  Refuse(&file, PETSC_TRUE, "has no array `fase`; it has `a > b`, `phase`");
}

// by_vtk[f] with one text replaced by another.
static void PutChanged(const char path[], size_t f, const char from[], const char to[])
{
  char        text[4096];
  const char *at = strstr(by_vtk[f], from);

  assert_non_null(at);
  (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - by_vtk[f]), by_vtk[f], to, at + strlen(from));
  Put(path, text, strlen(text));
}

static void TestVtiRefusals(void **state)
{
  static const struct {
    size_t      f;
    PetscBool   info;
    const char *from, *to, *part;
  } bad[]          = {{0, PETSC_TRUE, "vtkZLib", "vtkLZ4", "vtkLZ4DataCompressor"},
             {0, PETSC_TRUE, "\"ImageData", "\"RectilinearGrid", "`ImageData` is expected"},
             {0, PETSC_FALSE, "AAAAAwAAABAA", "AAAABAAAABAA", "blocks"},
             {0, PETSC_FALSE, "jYGBgZGBiYGYA0UASAABcAAt4", "jYGBgZGBiYGYA0UASAABcAAs4", "block 1 of"},
             {0, PETSC_FALSE, "AAAAFAAA", "f////////", "damaged"}, {0, PETSC_FALSE, "jAAP", "jA*P", "base64"},
             {0, PETSC_TRUE, "\"binary", "\"text", "format"},
             {0, PETSC_TRUE, "<Piece Extent=\"1 3", "<Piece Extent=\"2 3", "in one piece"},
             {1, PETSC_FALSE, "_YAAA", "_YBAA", "the extent asks for 96"}, {1, PETSC_TRUE, "Float32", "String", "type `String`"},
             {1, PETSC_TRUE, "PointData Sc", "FieldData Sc", "neither a cell array nor a point array"},
             {1, PETSC_TRUE,
               "WholeExtent=\"1 2 0 2 -2 1\" Origin=\"0 0 0\" Spacing=\"1 1 1\" Direction=\"1 0 0 0 1 0 0 0 1\">\n    <Piece "
                        "Extent=\"1 2 0 2 -2 1\"",
               "><Piece Extent='0 9999 0 9999 0 9'", "cannot hold 10000 x 10000 x 10 voxels"},
             {2, PETSC_FALSE, "1 2\n      </D", "1 2 3\n      </D", "more numbers"},
             {2, PETSC_FALSE, "1 2\n      </D", "1\n      </D", "1 numbers are missing"},
             {2, PETSC_FALSE, "3 0 1 2 3 0", "3 0 1 x 3 0", "`x`"},
             {2, PETSC_FALSE, "3 0 1 2 3 0", "3 0 1 -2 3 0", "voxel (1, 1, 1), counted from 0, has the value -2"}};
  const char *path = In("bad.vti");

  (void)state;
  for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
    PutChanged(path, bad[b].f, bad[b].from, bad[b].to);
    RefusePath(path, bad[b].info, bad[b].part);
  }
  for (size_t f = 0; f < 3; f++) {
    Put(In("whole.vti"), by_vtk[f], strlen(by_vtk[f]));
    RefuseTruncated(
      In("whole.vti"), In("cut.vti"), f == 1 ? 30 : 73, PETSC_FALSE); // what stands behind the last number
  }
  Put(path, "0 1 2", 5);
  RefusePath(path, PETSC_TRUE, "not a VTK XML file");
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestByVtk),
    cmocka_unit_test(TestVti),
    cmocka_unit_test(TestVtiRefusals),
  };
  int failures;

  if (Start(&argc, &argv)) return 1;
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  return failures + End();
}
