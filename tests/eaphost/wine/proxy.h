/* What widl's proxy names and mingw-w64's headers declare in C++ alone. */
#include <windows.h>
#include <unknwn.h>

HRESULT STDMETHODCALLTYPE IUnknown_QueryInterface_Proxy(IUnknown *, REFIID, void **);
ULONG STDMETHODCALLTYPE IUnknown_AddRef_Proxy(IUnknown *);
ULONG STDMETHODCALLTYPE IUnknown_Release_Proxy(IUnknown *);
