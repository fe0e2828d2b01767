// file_attr.c - the attributes of a SnaFile's objects: one number or one text each.
//
// Meant for what describes an object (units, names, versions). Long texts are datasets (SnaFileWriteText): attributes
// live in the object's header.
#include "io_impl.h"
#include <string.h>

static PetscErrorCode WriteAttribute(SnaFile file, const char object[], const char name[], hid_t type, const void *data)
{
  hid_t space, attribute = -1;

  PetscFunctionBeginUser;
  if (!SnaHdf5Exists(file->h5, object)) {
    SnaMessageSet(file->message, "%s: %s: no such object to carry the attribute `%s`", file->path, object, name);
    PetscFunctionReturn(0);
  }
  if (H5Aexists_by_name(file->h5, object, name, H5P_DEFAULT) > 0)
    (void)H5Adelete_by_name(file->h5, object, name, H5P_DEFAULT);
  space     = H5Screate(H5S_SCALAR);
  attribute = H5Acreate_by_name(file->h5, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0 || H5Awrite(attribute, type, data) < 0)
    SnaFileFail(file, object, "cannot write the attribute `%s`", name);
  SnaHdf5Close(H5Aclose, attribute);
  SnaHdf5Close(H5Sclose, space);
  (void)SnaFileAlive(file);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileWriteAttributeReal(SnaFile file, const char object[], const char name[], double value)
{
  PetscFunctionBeginUser;
  PetscCheck(file->writing, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "%s: the file is open for reading", name);
  if (file->rank || !SnaFileAlive(file)) PetscFunctionReturn(0);
  PetscCall(WriteAttribute(file, object, name, H5T_NATIVE_DOUBLE, &value));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileWriteAttributeText(SnaFile file, const char object[], const char name[], const char text[])
{
  hid_t type;

  PetscFunctionBeginUser;
  PetscCheck(file->writing, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "%s: the file is open for reading", name);
  if (file->rank || !SnaFileAlive(file)) PetscFunctionReturn(0);
  type = SnaHdf5TextType(strlen(text) + 1);
  PetscCall(WriteAttribute(file, object, name, type, text));
  SnaHdf5Close(H5Tclose, type);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileHasAttribute(SnaFile file, const char object[], const char name[], PetscBool *has)
{
  int found = 0;

  PetscFunctionBeginUser;
  if (file->rank == 0 && SnaFileAlive(file))
    found = SnaHdf5Exists(file->h5, object) && H5Aexists_by_name(file->h5, object, name, H5P_DEFAULT) > 0;
  PetscCallMPI(MPI_Bcast(&found, 1, MPI_INT, 0, file->comm));
  *has = found ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(0);
}

// Opens an attribute of a scalar of the wanted kind; negative and the sticky error otherwise.
static hid_t OpenAttribute(SnaFile file, const char object[], const char name[], PetscBool text, hid_t *type)
{
  hid_t attribute, space;
  H5T_class_t class;

  if (!SnaFileAlive(file)) return -1;
  if (!SnaHdf5Exists(file->h5, object) || H5Aexists_by_name(file->h5, object, name, H5P_DEFAULT) <= 0) {
    SnaMessageSet(file->message, "%s: %s has no attribute `%s`", file->path, object, name);
    return -1;
  }
  attribute = H5Aopen_by_name(file->h5, object, name, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0) {
    SnaFileFail(file, object, "cannot read the attribute `%s`", name);
    return -1;
  }
  *type = H5Aget_type(attribute);
  space = H5Aget_space(attribute);
  class = H5Tget_class(*type);
  if (H5Sget_simple_extent_npoints(space) != 1)
    SnaMessageSet(file->message, "%s: %s: attribute `%s` is not one value", file->path, object, name);
  else if (text ? class != H5T_STRING : class != H5T_FLOAT && class != H5T_INTEGER) {
    SnaMessageSet(
      file->message, "%s: %s: attribute `%s` is not a %s", file->path, object, name, text ? "text" : "number");
  }
  SnaHdf5Close(H5Sclose, space);
  if (!file->message[0]) return attribute;
  SnaHdf5Close(H5Tclose, *type);
  SnaHdf5Close(H5Aclose, attribute);
  return -1;
}

PetscErrorCode SnaFileReadAttributeReal(SnaFile file, const char object[], const char name[], double *value)
{
  double    found = 0;
  PetscBool go    = PETSC_FALSE;

  PetscFunctionBeginUser;
  if (file->rank == 0) {
    hid_t       type;
    const hid_t attribute = OpenAttribute(file, object, name, PETSC_FALSE, &type);

    if (attribute >= 0) {
      if (H5Aread(attribute, H5T_NATIVE_DOUBLE, &found) < 0)
        SnaFileFail(file, object, "cannot read the attribute `%s`", name);
      SnaHdf5Close(H5Tclose, type);
      SnaHdf5Close(H5Aclose, attribute);
    }
  }
  PetscCall(SnaFileShareOutcome(file, &go));
  PetscCallMPI(MPI_Bcast(&found, 1, MPI_DOUBLE, 0, file->comm));
  if (go) *value = found;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileReadAttributeText(SnaFile file, const char object[], const char name[], size_t size, char text[])
{
  PetscBool go = PETSC_FALSE;

  PetscFunctionBeginUser;
  text[0] = 0;
  if (file->rank == 0) {
    hid_t       type;
    char       *found     = NULL;
    const hid_t attribute = OpenAttribute(file, object, name, PETSC_TRUE, &type);

    if (attribute >= 0) {
      PetscCall(SnaHdf5ReadText(attribute, PETSC_TRUE, type, &found));
      if (!found)
        SnaFileFail(file, object, "cannot read the attribute `%s`", name);
      else if (strlen(found) >= size)
        SnaMessageSet(
          file->message, "%s: %s: attribute `%s` is longer than %zu bytes", file->path, object, name, size - 1);
      else
        PetscCall(PetscStrncpy(text, found, size));
      PetscCall(PetscFree(found));
      SnaHdf5Close(H5Tclose, type);
      SnaHdf5Close(H5Aclose, attribute);
    }
  }
  PetscCall(SnaFileShareOutcome(file, &go));
  if (go) PetscCall(SnaBroadcastBytes(file->comm, size, text));
  PetscFunctionReturn(0);
}
